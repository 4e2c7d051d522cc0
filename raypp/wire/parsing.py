"""Messages out of their bytes: measured first, so that what is parsed is no larger than an honest one.

A message of many empty frames takes some 80 times its bytes once it is parsed. So callers are known before anything is
parsed, and a message with more fields than any honest one has is refused as bytes.
"""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from raypp.errors import WireError, WireLimitError

MOST_FIELDS = 256
"""Fields of a message and of the chunk in it, together; a chunk has at most 64 frames and a handful of numbers."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

_Message = TypeVar("_Message", bound=Message)


def parse(kind: type[_Message], data: bytes, most_bytes: int, *, inner: int | None = None) -> _Message:
    """Return the message that some bytes are.

    Args:
        kind: what it must be.
        data: its bytes.
        most_bytes: how many it may have.
        inner: number of the field whose own fields are counted, too.

    Raises:
        WireLimitError: if it has too many bytes or fields; nothing has been parsed then.
        WireError: if the bytes are no such message.
    """
    name = kind.DESCRIPTOR.name
    if len(data) > most_bytes:
        raise WireLimitError(f"{name} has more than the {most_bytes} bytes that it may have; send less at a time")
    try:
        _count(memoryview(data), inner, name)
        return kind.FromString(data)
    except (DecodeError, _CutShortError):
        raise WireError(
            f"the {len(data)} bytes sent are no {name}; they were damaged, or made by another contract"
        ) from None


class _CutShortError(Exception):
    """The bytes end within a field, or hold what no field begins with."""


def _count(data: memoryview, inner: int | None, name: str, counted: int = 0) -> int:
    """Count fields, without looking into what they hold but for `inner`; raises WireLimitError beyond MOST_FIELDS."""
    at = 0
    while at < len(data):
        counted += 1
        if counted > MOST_FIELDS:
            raise WireLimitError(f"{name} has more than {MOST_FIELDS} fields; send fewer frames at a time")
        key, at = _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            _, at = _varint(data, at)
        elif kind == _BYTES:
            size, at = _varint(data, at)
            if size > len(data) - at:
                raise _CutShortError
            if key >> 3 == inner:
                counted = _count(data[at : at + size], None, name, counted)
            at += size
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise _CutShortError
    if at != len(data):
        raise _CutShortError
    return counted


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    value = 0
    for index in range(min(_LONGEST_VARINT, len(data) - at)):
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise _CutShortError
