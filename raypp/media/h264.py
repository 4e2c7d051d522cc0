"""Read what a packet of H.264 says of itself, without decoding it.

Only the plainest streams are read: whole frames, numbered without gaps, of parameter sets that do not change. Of all
others `H264Reader` says nothing, and then nothing may be concluded. Names are those of ITU-T H.264, clause 7.
"""

from collections.abc import Iterable
from typing import Self

from raypp.media.h264_parameters import H264FrameParameters, H264Sequence, read_frame_parameters, read_sequence
from raypp.media.nal import (
    Bits,
    CodedFrame,
    UnclearUnitError,
    UnitReader,
    check_messages,
    counted_units,
    units_by_start_codes,
)

_SLICE, _IDR, _SEI, _SPS, _PPS = 1, 5, 6, 7, 8
_HARMLESS = frozenset([9, 10, 11, 12])  # delimiters, ends of sequence and stream, filler
_HEAD_BYTES = 96
_P, _B, _I = 0, 1, 2  # slice types; from 5 on, all slices of the frame are of the same
_SLICE_TYPES = frozenset([_P, _B, _I, _P + 5, _B + 5, _I + 5])
_MOST_REFERENCES = 16
_MOST_WEIGHT_BITS, _MOST_CABAC, _MOST_FILTER, _MOST_OFFSET = 7, 2, 2, 6


class H264Reader(UnitReader):
    """Reads packets of one stream.

    Args:
        sequence: its only sequence parameter set.
        parameters: its parameter sets of frames (PPS) by their numbers.
        parameter_sets: all of these as they are written.
        length_bytes: bytes of the length before each NAL unit, or 0 where start codes part them.

    Attributes:
        number_range: values of `CodedFrame.number`, after which it begins anew at 0.
        order_range: values of `CodedFrame.order_bits`; 1 where frames are shown as they are coded.
        reorder: frames that may come before one that is shown earlier; 0 where the stream does not say.
    """

    def __init__(
        self,
        sequence: H264Sequence,
        parameters: dict[int, H264FrameParameters],
        parameter_sets: frozenset[bytes],
        length_bytes: int,
    ) -> None:
        super().__init__(parameter_sets, length_bytes)
        self._sequence = sequence
        self._parameters = parameters
        self.number_range = 1 << sequence.number_bits
        self.order_range = 1 << sequence.order_bits
        self.reorder = sequence.reorder

    @classmethod
    def _of(cls, extradata: bytes) -> Self:
        is_box = extradata[:1] == b"\x01"
        units = _configured_units(extradata) if is_box else list(units_by_start_codes(extradata))
        sequences = [unit for unit in units if unit[0] & 31 == _SPS]
        if len(sequences) != 1:
            raise UnclearUnitError
        sequence = read_sequence(sequences[0])
        parameters = dict(read_frame_parameters(unit, sequence) for unit in units if unit[0] & 31 == _PPS)
        length_bytes = (extradata[4] & 3) + 1 if is_box else 0
        return cls(sequence, parameters, frozenset(units), length_bytes)

    def _frame(self, units: Iterable[bytes]) -> CodedFrame:
        frame, head = None, 0
        for unit in units:
            kind = unit[0] & 31
            if kind in (_SLICE, _IDR):
                is_first = unit[1] >> 7 == 1  # its first macroblock is number 0
                if is_first == (frame is not None) or (frame is not None and unit[0] != head):
                    raise UnclearUnitError
                read = self._slice(unit)
                if frame is not None and read != frame:
                    raise UnclearUnitError
                head, frame = unit[0], read
            elif kind == _SEI:
                check_messages(unit[1:])
            elif kind not in _HARMLESS and unit not in self._parameter_sets:
                raise UnclearUnitError
        if frame is None:
            raise UnclearUnitError
        return frame

    def _slice(self, unit: bytes) -> CodedFrame:
        bits = Bits(unit[1:_HEAD_BYTES])
        sequence, is_idr, is_reference = self._sequence, unit[0] & 31 == _IDR, unit[0] & 0x60 > 0
        bits.pass_ue(1)  # first_mb_in_slice
        slice_type, parameters = bits.ue(), self._parameters.get(bits.ue())
        if unit[0] >> 7 or slice_type not in _SLICE_TYPES or parameters is None:
            raise UnclearUnitError
        slice_type %= 5
        number = bits.u(sequence.number_bits)
        if is_idr:
            bits.pass_ue(1)  # idr_pic_id
        order_bits = bits.u(sequence.order_bits)
        if sequence.order_bits and parameters.has_bottom_order:
            bits.pass_ue(1)
        if parameters.has_redundant and bits.ue():
            raise UnclearUnitError
        if is_idr:
            no_prior_output = bits.u(2) > 1
            if number or no_prior_output or slice_type != _I or not is_reference:
                raise UnclearUnitError
        self._pass_references(bits, parameters, slice_type)
        if is_reference and not is_idr and bits.u(1):
            _pass_marking(bits)
        self._check_coding(bits, parameters, slice_type)
        return CodedFrame(is_idr, not is_reference, number, order_bits, is_anchor=is_reference)

    def _pass_references(self, bits: Bits, parameters: H264FrameParameters, slice_type: int) -> None:
        if slice_type == _I:
            return
        if slice_type == _B:
            bits.u(1)  # direct_spatial_mv_pred_flag
        lists = 2 if slice_type == _B else 1
        counts = parameters.references[:lists]
        if bits.u(1):
            counts = tuple(bits.ue() + 1 for _ in range(lists))
        if max(counts) > _MOST_REFERENCES:
            raise UnclearUnitError
        for _ in range(lists):
            if bits.u(1):
                _pass_reordering(bits)
        if parameters.is_weighted if slice_type == _P else parameters.is_weighted_both:
            self._pass_weights(bits, counts)

    def _pass_weights(self, bits: Bits, counts: tuple[int, ...]) -> None:
        has_colour = self._sequence.has_colour
        if max(bits.ue() for _ in range(1 + has_colour)) > _MOST_WEIGHT_BITS:
            raise UnclearUnitError
        for _ in range(sum(counts)):
            if bits.u(1):
                bits.pass_ue(2)
            if has_colour and bits.u(1):
                bits.pass_ue(4)

    def _check_coding(self, bits: Bits, parameters: H264FrameParameters, slice_type: int) -> None:
        if parameters.is_arithmetic and slice_type != _I and bits.ue() > _MOST_CABAC:
            raise UnclearUnitError
        if not 0 <= parameters.qp + bits.se() <= self._sequence.most_qp:
            raise UnclearUnitError
        if parameters.has_deblocking:
            disabled = bits.ue()
            offsets = (0, 0) if disabled == 1 else (bits.se(), bits.se())
            if disabled > _MOST_FILTER or max(map(abs, offsets)) > _MOST_OFFSET:
                raise UnclearUnitError


def _pass_reordering(bits: Bits) -> None:
    while (operation := bits.ue()) != 3:
        if operation > 3:
            raise UnclearUnitError
        bits.pass_ue(1)


def _pass_marking(bits: Bits) -> None:
    while operation := bits.ue():
        if operation >= 5:  # 5 forgets all references without an IDR
            raise UnclearUnitError
        bits.pass_ue(2 if operation == 3 else 1)


def _configured_units(avcc: bytes) -> list[bytes]:
    """Return the parameter sets of an avcC box (ISO/IEC 14496-15)."""
    sequences, at = counted_units(avcc, 6, avcc[5] & 31)
    parameters, _ = counted_units(avcc, at + 1, avcc[at])
    return sequences + parameters
