"""zstd, bounded: nothing is decompressed to more bytes than its reader has asked for."""

import pyarrow as pa

from raypp.errors import WireError

_CODEC = pa.Codec("zstd", compression_level=3)
_OVERHEAD = 128  # a zstd frame of n bytes is never longer than n + n / 256 + this


def compress(data: bytes) -> bytes:
    """Return a zstd frame of some bytes."""
    packed: bytes = _CODEC.compress(data, asbytes=True)
    return packed


def decompress(data: bytes, size: int, what: str) -> bytes:
    """Undo `compress`.

    Args:
        data: a zstd frame.
        size: bytes that must come out; no more memory than that is taken.
        what: what it is, for messages.

    Raises:
        WireError: unless exactly `size` bytes come out.
    """
    if len(data) > size + size // 256 + _OVERHEAD:
        raise WireError(f"{what}: {len(data)} compressed bytes for {size}; it is not what an encoder makes")
    if not size:
        return b""
    try:
        out: bytes = _CODEC.decompress(data, size, asbytes=True)
    except (OSError, ValueError, MemoryError):
        raise WireError(f"{what}: no zstd frame of {size} bytes; it was damaged on its way") from None
    if len(out) != size:
        raise WireError(f"{what}: {len(out)} bytes decompressed, must be {size}")
    return out
