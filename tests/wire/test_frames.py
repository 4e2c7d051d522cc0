"""Codes through frames of the wire and back; hostile frames do no harm."""

import os
import time
import zlib

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protos import raypp_pb2 as pb
from raypp.errors import WireError
from raypp.usage.observation import Observation
from raypp.veil.packing import pack
from raypp.veil.spec import PatchSpec
from raypp.wire.compression import compress
from raypp.wire.frames import CellDecoder, CellEncoder, cell_bytes, unseen_frame, whole_frame
from raypp.wire.grid import CellGrid
from tests.wire.strategies import grids, sequences

GRID = CellGrid.of(PatchSpec(), 640, 640, 360)


def _code(seed: int = 0, grid: CellGrid = GRID) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1 << grid.bits, grid.shape, dtype=np.uint8)


@given(sequences())
@settings(deadline=None)
def test_any_sequence_of_codes_comes_back(sequence):
    grid, codes = sequence
    encoder, decoder = CellEncoder(grid), CellDecoder(grid)
    for index, code in enumerate(codes):
        frame = pb.Frame.FromString(encoder.encode(code, index, 1000 * index).SerializeToString())
        assert cell_bytes(frame) <= grid.packed_bytes
        assert np.array_equal(decoder.decode(frame), code)


@given(sequences(), st.data())
@settings(deadline=None)
def test_a_new_connection_goes_on_anywhere(sequence, data):
    grid, codes = sequence
    encoder, decoder = CellEncoder(grid), CellDecoder(grid)
    for index, code in enumerate(codes):
        if data.draw(st.booleans()):
            encoder, decoder = CellEncoder(grid), CellDecoder(grid)
        assert np.array_equal(decoder.decode(encoder.encode(code, index, 0)), code)


def test_few_changed_cells_are_a_small_change_and_many_a_whole_grid():
    encoder = CellEncoder(GRID)
    code = _code()
    first = encoder.encode(code, 0, 0)
    assert first.WhichOneof("cells") == "whole"
    assert len(first.whole) == GRID.packed_bytes
    code[:, 3:5, 7:9] ^= 1
    few = encoder.encode(code, 1, 0)
    assert few.WhichOneof("cells") == "change"
    assert cell_bytes(few) < 100
    same = encoder.encode(code, 2, 0)
    assert cell_bytes(same) < 30
    assert encoder.encode(_code(1), 3, 0).WhichOneof("cells") == "whole"


def test_the_encoder_keeps_its_own_copy_of_the_last_code():
    encoder, decoder = CellEncoder(GRID), CellDecoder(GRID)
    code = _code()
    decoder.decode(encoder.encode(code, 0, 0))
    code[0, 0, 0] ^= 1
    assert np.array_equal(decoder.decode(encoder.encode(code, 1, 0)), code)


def test_frames_that_saw_nothing_carry_no_cells_and_keep_the_reference():
    encoder, decoder = CellEncoder(GRID), CellDecoder(GRID)
    code = _code()
    decoder.decode(encoder.encode(code, 0, 0))
    assert decoder.decode(unseen_frame(Observation.COVERED, 1, 5)) is None
    code[:, 0, 0] ^= 1
    change = encoder.encode(code, 2, 9)
    assert change.WhichOneof("cells") == "change"
    assert np.array_equal(decoder.decode(change), code)


def test_codes_lie_in_the_square_as_shards_place_them():
    square = np.zeros((16, 80, 80), np.uint8)
    GRID.place(_code(), square)
    assert GRID.shape == (16, 45, 80)
    assert np.array_equal(square[:, 17:62, :], _code())
    assert not square[:, :17].any()
    assert not square[:, 62:].any()


def _decoder_with_a_frame() -> CellDecoder:
    decoder = CellDecoder(GRID)
    decoder.decode(CellEncoder(GRID).encode(_code(), 0, 0))
    return decoder


def _change(**fields: object) -> pb.Frame:
    frame = pb.Frame(frame_index=1, observation=1)
    frame.change.mask = fields.get("mask", compress(bytes(450)))
    frame.change.cells = fields.get("cells", b"")
    frame.compressed = fields.get("compressed", False)
    frame.grid_crc32 = fields.get("crc", zlib.crc32(pack(_code(), 3)))
    return frame


WHOLE = pack(_code(), 3)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (pb.Frame(observation=1), "carries no cells"),
        (pb.Frame(observation=0, whole=WHOLE), "observation 0"),
        (pb.Frame(observation=77), "observation 77"),
        (pb.Frame(observation=2, whole=WHOLE), "must not carry cells"),
        (pb.Frame(observation=1, whole=WHOLE[:-1]), "must be 21600"),
        (pb.Frame(observation=1, whole=WHOLE), "checksum"),
        (pb.Frame(observation=1, whole=b"no zstd", compressed=True), "no zstd frame"),
        (pb.Frame(observation=1, whole=compress(bytes(21601)), compressed=True), "no zstd frame"),
        (pb.Frame(observation=1, whole=compress(bytes(21599)), compressed=True), "no zstd frame"),
        (pb.Frame(observation=1, whole=bytes(50_000), compressed=True), "50000 compressed bytes"),
        (pb.Frame(observation=1, whole=WHOLE, timestamp_us=-1), "timestamp -1"),
        (pb.Frame(observation=1, whole=WHOLE, frame_index=1 << 63), "frame index"),
        (_change(mask=b""), "mask of changed cells"),
        (_change(mask=compress(bytes(449))), "mask of changed cells"),
        (_change(mask=compress(b"\x80" + bytes(449))), "1 changed cells: 0 bytes, must be 6"),
        (_change(mask=compress(b"\x80" + bytes(449)), cells=bytes(7)), "7 bytes, must be 6"),
        (_change(crc=1), "checksum"),
    ],
)
def test_a_malformed_frame_is_refused_by_name_and_harms_nothing(frame, says):
    decoder = _decoder_with_a_frame()
    with pytest.raises(WireError, match=says):
        decoder.decode(frame)
    assert np.array_equal(decoder.decode(_change()), _code())


def test_a_mask_beyond_the_grid_is_refused():
    grid = CellGrid.of(PatchSpec(channels=4), 80, 72, 40)
    decoder = CellDecoder(grid)
    decoder.decode(CellEncoder(grid).encode(_code(0, grid), 0, 0))
    frame = pb.Frame(observation=1)
    frame.change.mask = compress(bytes(7) + b"\x01")
    with pytest.raises(WireError, match="beyond the 60"):
        decoder.decode(frame)


def test_a_change_without_a_frame_before_it_is_refused():
    with pytest.raises(WireError, match="send the first one whole"):
        CellDecoder(GRID).decode(_change())


def test_a_bomb_takes_no_memory():
    bomb = compress(bytes(1 << 28))  # 256 MiB in 25 kB
    frame = pb.Frame(observation=1, whole=bomb, compressed=True)
    began = time.monotonic()
    with pytest.raises(WireError):
        CellDecoder(GRID).decode(frame)
    assert time.monotonic() - began < 1


@st.composite
def hostile_frames(draw: st.DrawFn) -> tuple[CellGrid, bytes]:
    """Arbitrary bytes, frames with arbitrary fields, and valid frames with bytes changed."""
    grid, codes = draw(sequences())
    if draw(st.booleans()):
        frame = pb.Frame(
            timestamp_us=draw(st.integers(-(1 << 63), (1 << 63) - 1)),
            frame_index=draw(st.integers(0, (1 << 64) - 1)),
            observation=draw(st.integers(-(1 << 31), (1 << 31) - 1)),
            compressed=draw(st.booleans()),
            grid_crc32=draw(st.integers(0, (1 << 32) - 1)),
        )
        if draw(st.booleans()):
            frame.whole = draw(st.binary(max_size=200))
        elif draw(st.booleans()):
            mask = bytearray(-(-grid.cells // 8))
            mask[: draw(st.integers(0, len(mask)))] = b"\xff"
            frame.change.mask = draw(st.one_of(st.just(compress(bytes(mask))), st.binary(max_size=40)))
            frame.change.cells = draw(st.binary(max_size=200))
        return grid, frame.SerializeToString()
    encoder = CellEncoder(grid)
    good = [encoder.encode(code, index, index).SerializeToString() for index, code in enumerate(codes)]
    data = bytearray(draw(st.sampled_from(good)) if good else draw(st.binary(max_size=300)))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=5)):
        if data:
            data[place % len(data)] = value
    return grid, bytes(data)


def _survives(grid: CellGrid, data: bytes) -> None:
    try:
        frame = pb.Frame.FromString(data)
    except DecodeError:
        return
    encoder, decoder = CellEncoder(grid), CellDecoder(grid)
    before = _code(1, grid)
    decoder.decode(encoder.encode(before, 0, 0))
    try:
        code = decoder.decode(frame)
        message = ""
    except WireError as error:
        code, message = None, str(error)
    assert "\n" not in message
    assert len(message) < 400
    if code is None:
        code = before
    assert code.shape == grid.shape
    assert int(code.max(initial=0)) < 1 << grid.bits
    after = CellEncoder(grid)
    after.encode(code, 0, 0)
    changed = code.copy()
    changed[:, 0, 0] ^= 1
    assert np.array_equal(decoder.decode(after.encode(changed, 1, 0)), changed)


@given(hostile_frames())
@settings(deadline=None)
def test_hostile_frames_are_refused_or_decoded_and_nothing_else(hostile):
    _survives(*hostile)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hostile_frames_for_a_long_time():
    """RAYPP_FUZZ_SECONDS of the test above; 600 by default."""
    until = time.monotonic() + float(os.environ.get("RAYPP_FUZZ_SECONDS", "600"))
    rounds = 0

    @given(hostile_frames())
    @settings(deadline=None, max_examples=2000, database=None, suppress_health_check=list(HealthCheck))
    def fuzz(hostile: tuple[CellGrid, bytes]) -> None:
        if time.monotonic() < until:
            _survives(*hostile)

    while time.monotonic() < until:
        fuzz()
        rounds += 1
    assert rounds


@given(grids())
@settings(deadline=None)
def test_a_whole_frame_for_the_spool_is_the_encoders(grid):
    code = _code(2, grid)
    assert whole_frame(pack(code, grid.bits), 4, 5) == CellEncoder(grid).encode(code, 4, 5)
