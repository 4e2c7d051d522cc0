"""Packing of code values into bits: b-bit values, most significant bit first, no padding but the last byte's."""

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]


def packed_size(values: int, bits: int) -> int:
    """Return how many bytes `values` values of `bits` bits take."""
    return (values * bits + 7) // 8


def pack(codes: Codes, bits: int) -> bytes:
    """Pack code values into a byte string.

    Args:
        codes: uint8 of any shape, every value in [0, 2**bits); read in C order.
        bits: 1 to 8.

    Returns:
        ceil(codes.size * bits / 8) bytes; unused low bits of the last byte are zero.

    Raises:
        ValueError: if bits is out of range or a value does not fit.
    """
    _check(bits)
    flat = np.ascontiguousarray(codes, dtype=np.uint8).reshape(-1)
    if flat.size and int(flat.max()) >> bits:
        raise ValueError(f"code value {int(flat.max())} does not fit {bits} bits")
    if bits == 8:
        return flat.tobytes()
    if bits == 4:
        if flat.size % 2:
            flat = np.append(flat, np.uint8(0))
        return ((flat[0::2] << 4) | flat[1::2]).tobytes()
    planes = (flat[:, None] >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
    return np.packbits(planes.reshape(-1)).tobytes()


def unpack(packed: bytes, shape: tuple[int, ...], bits: int) -> Codes:
    """Undo `pack`.

    Args:
        packed: what `pack` returned.
        shape: shape of the packed array.
        bits: the same bits.

    Returns:
        uint8[shape], a fresh writable array.

    Raises:
        ValueError: if bits is out of range or the length does not match the shape.
    """
    _check(bits)
    count = int(np.prod(shape, dtype=np.int64))
    if len(packed) != packed_size(count, bits):
        expected = packed_size(count, bits)
        raise ValueError(f"{len(packed)} packed bytes, but shape {shape} at {bits} bits needs {expected}")
    raw = np.frombuffer(packed, dtype=np.uint8)
    if bits == 8:
        return raw.reshape(shape).copy()
    if bits == 4:
        flat = np.empty(raw.size * 2, dtype=np.uint8)
        flat[0::2] = raw >> 4
        flat[1::2] = raw & 15
        return flat[:count].reshape(shape)
    planes = np.unpackbits(raw)[: count * bits].reshape(count, bits)
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint8)
    out: Codes = (planes * weights).sum(axis=1, dtype=np.uint8).reshape(shape)
    return out


def _check(bits: int) -> None:
    if not 1 <= bits <= 8:
        raise ValueError(f"bits is {bits}, must be 1 to 8")
