"""The one door to kept frames, against lists of frames, for chunks of every kind."""

import random
import struct
import zlib
from collections.abc import Sequence

import pytest

from raypp.errors import LedgerError
from raypp.ledger.chunks import (
    PackedChunk,
    Span,
    count_frames,
    count_frames_of_chunks,
    delete_frames,
    has_frames_outside,
    read_frames,
    times_of,
    write_chunk,
)
from raypp.ledger.packing import MOST_DETECTIONS, as_stored, pack_frames, unpack_frames
from raypp.ledger.store import Ledger
from raypp.usage.observation import Detection, Observation, SeenFrame
from tests.ledger.site import ABOUT, DRILL, SAW, SECOND, STREAM, T0

HOUR = 3600 * SECOND
Chunk = tuple[SeenFrame, ...]


def some_chunks(seed: int) -> list[Chunk]:
    """Chunks of a camera whose clock jumps, and of which some last for hours."""
    chance = random.Random(seed)
    index, at_us = 0, T0
    parts = []
    for _ in range(chance.randrange(1, 30)):
        pace_us = chance.choice((SECOND, SECOND, SECOND, 40 * 60 * SECOND))
        frames = []
        for _ in range(chance.randrange(1, 9)):
            index += chance.randrange(1, 4)
            at_us += chance.choice((pace_us, pace_us, pace_us, -pace_us, 0, 7 * HOUR, -7 * HOUR))
            seen = Observation.OBSERVED if chance.random() < 0.8 else Observation.DROPPED
            detections = (DRILL, SAW)[: chance.randrange(3)] if seen is Observation.OBSERVED else ()
            frames.append(SeenFrame(index, at_us, seen, detections))
        parts.append(tuple(frames))
    return parts


def spans(frames: Sequence[SeenFrame], chance: random.Random) -> list[Span]:
    times = [frame.timestamp_us for frame in frames]
    edges = [None, min(times), max(times), max(times) + 1, *chance.choices(times, k=6)]
    return [Span(start, end) for start in edges for end in edges if start is None or end is None or start <= end]


@pytest.mark.parametrize("seed", range(3))
def test_the_door_sees_what_a_list_of_frames_would(ledger: Ledger, seed: int):
    chance = random.Random(seed)
    ledger.open_stream(STREAM, ABOUT)
    for round_ in range(6):
        parts = some_chunks(100 * seed + round_)
        frames = [frame for chunk in parts for frame in chunk]
        for span in chance.sample(spans(frames, chance), 6):
            left = [frame for frame in frames if not span.holds(frame)]
            inside = [frame for frame in frames if span.holds(frame)]
            with ledger.database.write() as connection:
                for sequence, chunk in enumerate(parts, 1):
                    write_chunk(connection, 1, sequence, PackedChunk.of(chunk))
                assert count_frames(connection, 1, span) == (
                    len(inside),
                    sum(len(frame.detections) for frame in inside),
                )
                assert has_frames_outside(connection, 1, span) == bool(left)
                times = [frame.timestamp_us for frame in frames]
                assert times_of(connection, 1) == (min(times), max(times))
                middle = len(parts) // 2 + 1
                assert count_frames_of_chunks(connection, 1, middle, None) == sum(map(len, parts[middle - 1 :]))
                assert count_frames_of_chunks(connection, 1, 1, middle) == sum(map(len, parts[: middle - 1]))
                assert [frame for _, frame in read_frames(connection, 1, up_to=middle)] == [
                    frame for chunk in parts[:middle] for frame in chunk
                ]
                assert delete_frames(connection, 1, span) == len(inside)
                assert [frame for _, frame in read_frames(connection, 1)] == left
                times = [frame.timestamp_us for frame in left]
                assert times_of(connection, 1) == ((min(times), max(times)) if times else None)
                assert delete_frames(connection, 1, Span()) == len(left)
                assert times_of(connection, 1) is None


def test_long_streams_are_read_in_parts(ledger: Ledger):
    ledger.open_stream(STREAM, ABOUT)
    frames = [SeenFrame(number, T0 + number, Observation.OBSERVED) for number in range(700)]
    with ledger.database.write() as connection:
        for number, frame in enumerate(frames, 1):
            write_chunk(connection, 1, number, PackedChunk.of([frame]))
        assert len(read_frames(connection, 1)) < len(frames)
    assert list(ledger.frames(STREAM)) == frames


def test_the_documented_layout_of_a_chunk():
    saw = as_stored(SeenFrame(7, 1_000_000, Observation.OBSERVED, (Detection(258, 0.5, 0, 0.25, 1, 0.125),)))
    packed = pack_frames([saw, SeenFrame(9, 999_999, Observation.COVERED)])
    plain = zlib.decompress(packed)
    frames = [plain[place : 2 * 19 : 2] for place in range(2)]
    assert frames[0] == (7).to_bytes(8, "little") + (1_000_000).to_bytes(8, "little") + b"\x01\x01\x00"
    assert frames[1] == (2).to_bytes(8, "little") + (-1).to_bytes(8, "little", signed=True) + b"\x02\x00\x00"
    assert plain[2 * 19 :] == b"\x02\x01" + struct.pack("<5f", 0.5, 0, 0.25, 1, 0.125)
    assert unpack_frames(packed, 2) == [saw, SeenFrame(9, 999_999, Observation.COVERED)]


@pytest.mark.parametrize("count", [1, 3])
def test_damaged_chunks_are_told(count: int):
    packed = pack_frames([SeenFrame(1, T0, Observation.OBSERVED, (DRILL,)), SeenFrame(2, T0 + 1, Observation.FROZEN)])
    with pytest.raises(LedgerError, match="restore the ledger from a backup"):
        unpack_frames(packed, count)
    with pytest.raises(LedgerError, match="bytes is damaged; restore"):
        unpack_frames(packed[:-5], 2)


def test_a_frame_has_no_more_detections_than_its_count_holds():
    with pytest.raises(LedgerError, match="32768 detections cannot be stored on frame 5; at most 32767"):
        pack_frames([SeenFrame(5, T0, Observation.OBSERVED, (DRILL,) * (MOST_DETECTIONS + 1))])
