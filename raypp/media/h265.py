"""Read what a packet of H.265 says of itself, without decoding it.

Only the plainest streams are read: one layer of whole frames, all of them shown, of parameter sets that do not change.
Of all others `H265Reader` says nothing, and then nothing may be concluded. Names are those of ITU-T H.265, clause 7.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from raypp.media.nal import (
    Bits,
    CodedFrame,
    UnclearUnitError,
    UnitReader,
    check_messages,
    counted_units,
    units_by_start_codes,
)

_FRAMES = frozenset([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 20, 21])
_ANCHORS = frozenset([1, 3, 5, 19, 20, 21])  # neither leading nor sub-layer non-reference
_IDR = frozenset([19, 20])
_IRAP = range(16, 24)
_SPS, _PPS = 33, 34
_SEI = frozenset([39, 40])
_HARMLESS = frozenset([35, 36, 37, 38])  # delimiters, ends of sequence and stream, filler
_HEAD_BYTES = 32
_PROFILE_BITS, _LEVEL_BITS = 88, 8


@dataclass(frozen=True)
class _FrameParameters:
    """Hold what is needed of a parameter set of frames (PPS)."""

    has_output_flag: bool
    extra_bits: int


class H265Reader(UnitReader):
    """Reads packets of one stream.

    Args:
        order_bits: how many bits a frame's place in the order of showing has.
        parameters: its parameter sets of frames (PPS) by their numbers.
        parameter_sets: all parameter sets as they are written.
        length_bytes: bytes of the length before each NAL unit, or 0 where start codes part them.

    Attributes:
        number_range: 0, since frames are not numbered: each names those that it may refer to.
        order_range: values of `CodedFrame.order_bits`.
        reorder: 0; the decoder knows.
    """

    def __init__(
        self,
        order_bits: int,
        parameters: dict[int, _FrameParameters],
        parameter_sets: frozenset[bytes],
        length_bytes: int,
    ) -> None:
        super().__init__(parameter_sets, length_bytes)
        self._order_bits = order_bits
        self._parameters = parameters
        self.number_range = 0
        self.order_range = 1 << order_bits
        self.reorder = 0

    @classmethod
    def _of(cls, extradata: bytes) -> Self:
        is_box = extradata[:1] == b"\x01"
        units = _configured_units(extradata) if is_box else list(units_by_start_codes(extradata))
        sequences = [unit for unit in units if _kind(unit) == _SPS]
        if len(sequences) != 1:
            raise UnclearUnitError
        parameters = dict(_read_frame_parameters(unit) for unit in units if _kind(unit) == _PPS)
        length_bytes = (extradata[21] & 3) + 1 if is_box else 0
        return cls(_read_order_bits(sequences[0]), parameters, frozenset(units), length_bytes)

    def _frame(self, units: Iterable[bytes]) -> CodedFrame:
        frame, head = None, b""
        for unit in units:
            kind = _kind(unit)
            if kind in _FRAMES:
                is_first = unit[2] >> 7
                if frame is None and is_first:
                    head, frame = unit[:2], self._slice(kind, unit[1] & 7, Bits(unit[2:_HEAD_BYTES]))
                elif unit[:2] != head or is_first:
                    raise UnclearUnitError
            elif kind in _SEI:
                check_messages(unit[2:])
            elif kind not in _HARMLESS and unit not in self._parameter_sets:
                raise UnclearUnitError
        if frame is None:
            raise UnclearUnitError
        return frame

    def _slice(self, kind: int, temporal_id_plus1: int, bits: Bits) -> CodedFrame:
        bits.u(1)  # whether it is the frame's first segment
        no_prior_output = kind in _IRAP and bits.u(1)
        parameters = self._parameters.get(bits.ue())
        if no_prior_output or parameters is None:
            raise UnclearUnitError
        bits.u(parameters.extra_bits)
        bits.ue()  # slice_type
        if parameters.has_output_flag and not bits.u(1):
            raise UnclearUnitError  # a frame that is not shown
        order_bits = 0 if kind in _IDR else bits.u(self._order_bits)
        # None is disposable: each says which frames before it the decoder is to keep for those after it.
        return CodedFrame(kind in _IDR, False, 0, order_bits, temporal_id_plus1 == 1 and kind in _ANCHORS)


def _kind(unit: bytes) -> int:
    """The kind of a unit of the base layer; UnclearUnitError for those of other layers."""
    if unit[0] & 0x81 or unit[1] >> 3:
        raise UnclearUnitError
    return unit[0] >> 1


def _configured_units(hvcc: bytes) -> list[bytes]:
    """Return the parameter sets of an hvcC box (ISO/IEC 14496-15)."""
    units, at = [], 23
    for _ in range(hvcc[22]):
        some, at = counted_units(hvcc, at + 3, int.from_bytes(hvcc[at + 1 : at + 3], "big"))
        units += some
    return units


def _read_order_bits(unit: bytes) -> int:
    """Read log2_max_pic_order_cnt_lsb of a sequence parameter set."""
    bits = Bits(unit[2:])
    bits.u(4)  # video parameter set
    further_layers = bits.u(3)
    bits.u(1 + _PROFILE_BITS + _LEVEL_BITS)
    flags = [(bits.u(1), bits.u(1)) for _ in range(further_layers)]
    if further_layers:
        bits.u(2 * (8 - further_layers))
    for has_profile, has_level in flags:
        bits.u(_PROFILE_BITS * has_profile + _LEVEL_BITS * has_level)
    bits.ue()  # its number
    if bits.ue() == 3 and bits.u(1):
        raise UnclearUnitError  # three planes coded apart
    bits.pass_ue(2)  # width, height
    if bits.u(1):
        bits.pass_ue(4)  # cropping
    bits.pass_ue(2)  # depths
    return bits.ue() + 4


def _read_frame_parameters(unit: bytes) -> tuple[int, _FrameParameters]:
    bits = Bits(unit[2:])
    number = bits.ue()
    bits.pass_ue(1)  # its sequence parameter set: the only one
    bits.u(1)
    return number, _FrameParameters(bool(bits.u(1)), bits.u(3))
