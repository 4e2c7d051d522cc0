"""Parameter sets of H.264: what is needed of them to read the heads of slices (ITU-T H.264, clause 7.3.2)."""

from dataclasses import dataclass

from raypp.media.nal import Bits, UnclearUnitError

_HIGH_PROFILES = frozenset([44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244])
_EXTENDED_SAR = 255


@dataclass(frozen=True)
class H264Sequence:
    """Hold what is needed of a sequence parameter set.

    Attributes:
        number_bits: bits of frame_num.
        order_bits: bits of pic_order_cnt_lsb; 0 where frames are shown as they are coded.
        reorder: max_num_reorder_frames; 0 where it is not said.
        has_colour: whether there are chroma samples.
        most_qp: the greatest quantiser, counted from 0.
    """

    number_bits: int
    order_bits: int
    reorder: int
    has_colour: bool
    most_qp: int


@dataclass(frozen=True)
class H264FrameParameters:
    """Hold what is needed of a parameter set of frames (PPS).

    Attributes:
        is_arithmetic: whether slices are coded by CABAC.
        has_bottom_order, has_redundant, has_deblocking: fields that heads of slices have.
        references: usual length of both lists of references.
        is_weighted: whether slices of one direction have weights.
        is_weighted_both: the same for those of two.
        qp: the usual quantiser, counted from 0.
    """

    is_arithmetic: bool
    has_bottom_order: bool
    references: tuple[int, int]
    is_weighted: bool
    is_weighted_both: bool
    qp: int
    has_deblocking: bool
    has_redundant: bool


def read_sequence(unit: bytes) -> H264Sequence:
    """Read a sequence parameter set; UnclearUnitError where frames are not plain."""
    bits = Bits(unit[1:])
    profile = bits.u(8)
    bits.u(16)  # constraints, level
    bits.ue()  # its number
    has_colour, most_qp = True, 51
    if profile in _HIGH_PROFILES:
        has_colour, most_qp = _read_high_profile(bits)
    number_bits = bits.ue() + 4
    order_type = bits.ue()
    if order_type == 1:
        raise UnclearUnitError
    order_bits = bits.ue() + 4 if order_type == 0 else 0
    bits.ue()  # reference frames
    has_gaps = bits.u(1)
    bits.pass_ue(2)  # width, height
    is_progressive = bits.u(1)
    if has_gaps or not is_progressive:
        raise UnclearUnitError
    bits.u(1)
    if bits.u(1):
        bits.pass_ue(4)  # cropping
    reorder = _read_reorder(bits) if bits.u(1) else 0
    if order_type and reorder:
        raise UnclearUnitError
    return H264Sequence(number_bits, order_bits, reorder, has_colour, most_qp)


def _read_high_profile(bits: Bits) -> tuple[bool, int]:
    """Return whether there is colour, and the greatest quantiser."""
    colours = bits.ue()
    if colours == 3 and bits.u(1):
        raise UnclearUnitError  # three planes coded apart
    most_qp = 51 + 6 * bits.ue()
    bits.pass_ue(1)  # depth of colour
    bits.u(1)
    if bits.u(1):
        for index in range(8 if colours != 3 else 12):
            if bits.u(1):
                _pass_scaling_list(bits, 16 if index < 6 else 64)
    return colours > 0, most_qp


def _pass_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _read_reorder(bits: Bits) -> int:
    """Read max_num_reorder_frames of the usability information; 0 where it is not said, which is then checked."""
    if bits.u(1) and bits.u(8) == _EXTENDED_SAR:
        bits.u(32)
    if bits.u(1):
        bits.u(1)  # overscan
    if bits.u(1):
        bits.u(4)
        if bits.u(1):
            bits.u(24)  # colours
    if bits.u(1):
        bits.pass_ue(2)  # places of chroma
    if bits.u(1):
        bits.u(65)  # timing
    timed = [_passed_hrd(bits) for _ in range(2) if bits.u(1)]
    if timed:
        bits.u(1)
    bits.u(1)
    if not bits.u(1):
        return 0
    bits.u(1)
    bits.pass_ue(4)
    return bits.ue()


def _passed_hrd(bits: Bits) -> bool:
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(count):
        bits.pass_ue(2)
        bits.u(1)
    bits.u(20)
    return True


def read_frame_parameters(unit: bytes, sequence: H264Sequence) -> tuple[int, H264FrameParameters]:
    """Read a parameter set of frames (PPS), and its number; UnclearUnitError where frames are not plain."""
    bits = Bits(unit[1:])
    number = bits.ue()
    bits.pass_ue(1)  # its sequence parameter set: the only one
    is_arithmetic, has_bottom_order = bits.u(1), bits.u(1)
    if bits.ue():
        raise UnclearUnitError  # slice groups
    references = bits.ue() + 1, bits.ue() + 1
    is_weighted, weighting_both = bits.u(1), bits.u(2)
    qp = bits.se() + sequence.most_qp - 25
    bits.pass_ue(2)  # quantiser of switching slices, offset of colour
    has_deblocking = bits.u(1)
    bits.u(1)
    parameters = H264FrameParameters(
        is_arithmetic=bool(is_arithmetic),
        has_bottom_order=bool(has_bottom_order),
        references=references,
        is_weighted=bool(is_weighted),
        is_weighted_both=weighting_both == 1,
        qp=qp,
        has_deblocking=bool(has_deblocking),
        has_redundant=bool(bits.u(1)),
    )
    return number, parameters
