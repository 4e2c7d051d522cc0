"""Packing of code values into bits: b-bit values, most significant bit first, no padding but the last byte's."""

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint8]

_LANES = 8  # values packed side by side, one to a byte of a 64-bit word
_HALVES = (
    (8, np.uint64(0x00FF00FF00FF00FF)),
    (16, np.uint64(0x0000FFFF0000FFFF)),
    (32, np.uint64(0x00000000FFFFFFFF)),
)
"""Widths of lanes in bits, and the mask of every second one."""


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
    if not flat.size:
        return b""
    words = np.zeros((-(-flat.size // _LANES), _LANES), dtype=np.uint8)
    words.reshape(-1)[: flat.size] = flat
    packed = words.view(">u8").astype(np.uint64)
    # Neighbouring lanes move together, first single values, then pairs, then fours.
    for lane, mask in _HALVES:
        packed = (packed & mask) | ((packed & ~mask) >> np.uint64(lane - lane * bits // 8))
    # The low `bits` bytes of each word, copied as one thing: byte by byte takes four times as long.
    held = np.ndarray(len(packed), f"V{bits}", packed.astype(">u8"), offset=_LANES - bits, strides=_LANES)
    return held.tobytes()[: packed_size(flat.size, bits)]


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
    bytes_held = np.zeros(-(-count // _LANES) * bits, dtype=np.uint8)
    bytes_held[: len(packed)] = np.frombuffer(packed, dtype=np.uint8)
    words = np.zeros((-(-count // _LANES), _LANES), dtype=np.uint8)
    words[:, _LANES - bits :] = bytes_held.reshape(-1, bits)
    spread = words.view(">u8").astype(np.uint64)
    for lane, mask in reversed(_HALVES):
        low = np.uint64((1 << (lane * bits // 8)) - 1) * (mask & ~(mask << np.uint64(1)))
        spread = (spread & low) | ((spread & ~low) << np.uint64(lane - lane * bits // 8))
    out: Codes = spread.astype(">u8").view(np.uint8).reshape(-1)[:count].reshape(shape)
    return out


def _check(bits: int) -> None:
    if not 1 <= bits <= 8:
        raise ValueError(f"bits is {bits}, must be 1 to 8")
