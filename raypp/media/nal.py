"""NAL units, of which packets of H.264 and H.265 consist, and the bits of their heads."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, Self

_START = b"\x00\x00\x01"
_GRAIN = 19  # the one kind of SEI message that changes what is shown
_LONGEST_ZEROS = 31


class UnclearUnitError(Exception):
    """Something is not as in the streams that the readers know."""


@dataclass(frozen=True, slots=True)
class CodedFrame:
    """Hold what a packet says of its frame.

    Attributes:
        begins_anew: nothing after it refers to anything before it.
        is_disposable: no other frame refers to it.
        number: counts the frames that others may refer to; 0 where the codec has no such number.
        order_bits: the lower bits of its place in the order of showing.
        is_anchor: places of the frames after it are counted from its own.
    """

    begins_anew: bool
    is_disposable: bool
    number: int
    order_bits: int
    is_anchor: bool


class PacketReader(Protocol):
    """Reads packets of one stream without decoding them.

    Attributes:
        number_range: values of `CodedFrame.number`, after which it begins anew at 0; 0 where there is no such number.
        order_range: values of `CodedFrame.order_bits`; 1 where frames are shown as they are coded.
        reorder: frames that may come before one that is shown earlier, as far as the stream says.
    """

    number_range: int
    order_range: int
    reorder: int

    def frame(self, data: bytes) -> CodedFrame | None:
        """Read a packet; None where it is not plainly one whole frame of this stream.

        All that comes before the coded image is read, so that damage there is seen.
        """


class UnitReader(ABC):
    """Reads packets that consist of NAL units.

    Args:
        parameter_sets: all parameter sets of the stream as they are written.
        length_bytes: bytes of the length before each NAL unit, or 0 where start codes part them.
    """

    def __init__(self, parameter_sets: frozenset[bytes], length_bytes: int) -> None:
        self._parameter_sets = parameter_sets
        self._length_bytes = length_bytes

    @classmethod
    def of(cls, extradata: bytes | None) -> Self | None:
        """Return the reader of a stream by its decoder configuration (a box of mp4, or NAL units after start codes).

        Returns:
            None for a stream of another kind than the reader knows.
        """
        try:
            return cls._of(extradata or b"")
        except (UnclearUnitError, IndexError):
            return None

    def frame(self, data: bytes) -> CodedFrame | None:
        """Read a packet; None where it is not plainly one whole frame of this stream."""
        by_length = self._length_bytes > 0
        try:
            units = units_by_length(data, self._length_bytes) if by_length else units_by_start_codes(data)
            return self._frame(units)
        except (UnclearUnitError, IndexError):
            return None

    @classmethod
    @abstractmethod
    def _of(cls, extradata: bytes) -> Self:
        """Read a decoder configuration; UnclearUnitError or IndexError where the stream is of another kind."""

    @abstractmethod
    def _frame(self, units: Iterable[bytes]) -> CodedFrame:
        """Read the units of a packet; UnclearUnitError or IndexError where they are not plainly one whole frame."""


class Bits:
    """Reads the bits of a NAL unit behind its header: bytes as they are written, with those against start codes."""

    def __init__(self, escaped: bytes) -> None:
        data = escaped.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def u(self, count: int) -> int:
        """Read a number of so many bits; UnclearUnitError past the end."""
        self._left -= count
        if self._left < 0:
            raise UnclearUnitError
        return self._value >> self._left & ((1 << count) - 1)

    def ue(self) -> int:
        """Read a number coded by Exp-Golomb; UnclearUnitError past the end."""
        zeros = self._left - (self._value & ((1 << self._left) - 1)).bit_length()
        if zeros > min(_LONGEST_ZEROS, self._left - 1):
            raise UnclearUnitError
        self._left -= zeros
        return self.u(zeros + 1) - 1

    def se(self) -> int:
        """Read a signed number coded by Exp-Golomb."""
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)

    def pass_ue(self, count: int) -> None:
        """Pass over so many numbers coded by Exp-Golomb, signed or not."""
        for _ in range(count):
            self.ue()


def units_by_length(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """Part a packet whose NAL units stand behind their lengths; UnclearUnitError where these do not add up."""
    at = 0
    while at < len(data):
        begin = at + length_bytes
        at = begin + int.from_bytes(data[begin - length_bytes : begin], "big")
        if at > len(data) or at == begin:
            raise UnclearUnitError
        yield data[begin:at]


def units_by_start_codes(data: bytes) -> Iterator[bytes]:
    """Part a packet whose NAL units stand behind start codes; UnclearUnitError where something else comes first."""
    at = data.find(_START)
    if at < 0 or data[:at].strip(b"\x00"):
        raise UnclearUnitError
    while at >= 0:
        following = data.find(_START, at + len(_START))
        unit = data[at + len(_START) : following if following >= 0 else len(data)].rstrip(b"\x00")
        if not unit:
            raise UnclearUnitError
        yield unit
        at = following


def counted_units(data: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Read so many units behind 16-bit lengths from a place of a decoder configuration; return them and their end."""
    units = []
    for _ in range(count):
        size = int.from_bytes(data[at : at + 2], "big")
        units.append(data[at + 2 : at + 2 + size])
        if not size or len(units[-1]) != size:
            raise UnclearUnitError
        at += 2 + size
    return units, at


def check_messages(messages: bytes) -> None:
    """Raise UnclearUnitError where SEI messages, given behind their unit's header, would change what is shown."""
    at = 0
    while at + 2 < len(messages):
        kind, at = _long_number(messages, at)
        size, at = _long_number(messages, at)
        if kind == _GRAIN:
            raise UnclearUnitError
        at += size


def _long_number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    while data[at] == 255:
        value, at = value + 255, at + 1
    return value + data[at], at + 1
