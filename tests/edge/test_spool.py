"""The spool: durable, crash-safe at any byte, bounded, numbers without a gap."""

import shutil
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protos import raypp_pb2 as pb
from raypp.edge.capture.position import Position
from raypp.edge.spool.camera_spool import LEAST_BYTES, CameraSpool
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.spool.stream_spool import StreamFacts
from raypp.errors import SpoolError
from raypp.veil.spec import PatchSpec

FACTS = StreamFacts(
    site="s",
    camera="c",
    epoch=1000,
    veil_id="0" * 32,
    spec=PatchSpec(),
    size=160,
    sub_key=1,
    width=160,
    height=96,
    live=False,
)


def _frames(first: int, count: int = 2, size: int = 100) -> list[pb.Frame]:
    return [
        pb.Frame(frame_index=index, timestamp_us=1000 * index, observation=1, whole=bytes([index % 256]) * size)
        for index in range(first, first + count)
    ]


def _position(last: int) -> Position:
    return Position(source="video.mp4", presented_us=1000 * last, last_index=last, last_us=1000 * last)


def _append(spool: CameraSpool, first: int, count: int = 2, size: int = 100) -> bool:
    return spool.append(_frames(first, count, size), _position(first + count - 1), lambda: False)


def _open(folder: Path, limit: int = 1 << 30, policy: DropPolicy = DropPolicy.BLOCK) -> CameraSpool:
    return CameraSpool(folder / "c", limit, policy)


def _all(spool: CameraSpool) -> list[pb.Frame]:
    stream = spool.current
    return [
        frame
        for sequence in range(stream.first_sequence, stream.last_sequence + 1)
        for frame in spool.chunk(stream, sequence).frames
    ]


def test_what_is_written_is_there_after_a_restart(tmp_path):
    with _open(tmp_path) as spool:
        spool.begin(FACTS)
        for first in (0, 2, 4):
            assert _append(spool, first)
    with _open(tmp_path) as spool:
        assert _all(spool) == _frames(0, 6)
        assert spool.current.position == _position(5)
        assert spool.current.facts == FACTS
        assert spool.begin(FACTS.model_copy(update={"epoch": 5000})) is spool.current
        assert _append(spool, 6)
        assert spool.current.last_sequence == 4


def test_nobody_else_may_look_into_a_spool_even_one_that_an_older_agent_left_open(tmp_path):
    place = tmp_path / "spool"
    with _open(place) as spool:
        spool.begin(FACTS)
        _append(spool, 0)
        spool.finish(_position(1))
        spool.commit(spool.current, 2)
    entries = [place, *place.rglob("*")]
    assert len(entries) == 8  # the spool, the camera, its lock and record; the epoch, stream.json, chunks, done
    assert {entry.stat().st_mode & 0o777 for entry in entries if entry.is_dir()} == {0o700}
    assert {entry.stat().st_mode & 0o777 for entry in entries if entry.is_file()} == {0o600}
    epoch = next(path for path in (place / "c").iterdir() if path.is_dir())
    epoch.chmod(0o755)
    (place / "c").chmod(0o755)
    _open(place).close()
    assert {path.stat().st_mode & 0o777 for path in (place / "c", epoch)} == {0o700}


def test_cut_at_any_byte_the_whole_chunks_remain_and_writing_goes_on(tmp_path):
    with _open(tmp_path) as spool:
        spool.begin(FACTS)
        for first in (0, 2, 4):
            _append(spool, first, size=9)
    (path,) = tmp_path.glob("c/*/*.chunks")
    data = path.read_bytes()
    with _open(tmp_path) as spool:
        places = [place.offset for place in spool.current._segments[0].places]
    for length in range(places[0], len(data) + 1):
        path.write_bytes(data[:length])
        whole = sum(end <= length for end in [*places[1:], len(data)])
        with _open(tmp_path) as spool:
            assert _all(spool) == _frames(0, 2 * whole, size=9)
            assert spool.torn == length - [*places, len(data)][whole]
            assert _append(spool, 2 * whole, size=9)
        with _open(tmp_path) as spool:
            assert _all(spool) == _frames(0, 2 * whole + 2, size=9)
            assert spool.torn == 0


@given(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=30))
@settings(deadline=None, max_examples=60)
def test_a_tail_of_any_bytes_is_cut_off(tmp_path_factory, cut, tail):
    folder = tmp_path_factory.mktemp("spool")
    with _open(folder) as spool:
        spool.begin(FACTS)
        _append(spool, 0)
        _append(spool, 2)
    (path,) = folder.glob("c/*/*.chunks")
    with _open(folder) as spool:
        second = spool.current._segments[0].places[1]
    data = path.read_bytes()
    at = second.offset + cut % (second.length + 1)
    if data[at : at + len(tail)] == tail[: len(data) - at] and len(tail) >= len(data) - at:
        return
    path.write_bytes(data[:at] + tail)
    with _open(folder) as spool:
        assert _all(spool) == _frames(0, 4 if at == len(data) else 2)
        assert _append(spool, 40)
    shutil.rmtree(folder)


def test_committed_chunks_are_deleted_and_numbers_go_on(tmp_path):
    with _open(tmp_path, LEAST_BYTES) as spool:
        spool.begin(FACTS)
        for first in range(0, 80, 2):
            assert _append(spool, first, size=20_000)
            stream = spool.current
            spool.commit(stream, stream.last_sequence)
        assert spool.bytes < LEAST_BYTES // 4
        assert stream.first_sequence > 30
        with pytest.raises(SpoolError, match="not 1"):
            spool.chunk(stream, 1)
    with _open(tmp_path, LEAST_BYTES) as spool:
        assert spool.current.last_sequence == 40
        assert spool.current.position == _position(79)


def test_when_all_is_deleted_number_and_position_remain(tmp_path):
    with _open(tmp_path, LEAST_BYTES) as spool:
        spool.begin(FACTS)
        _append(spool, 0, size=100_000)
        spool.current._roll(2)
        spool.commit(spool.current, 1)
    with _open(tmp_path, LEAST_BYTES) as spool:
        assert (spool.current.first_sequence, spool.current.last_sequence) == (2, 1)
        assert spool.current.position == _position(1)
        _append(spool, 2)
        assert spool.current.last_sequence == 2


@pytest.mark.parametrize("policy", [DropPolicy.DROP_OLDEST, DropPolicy.DROP_NEWEST])
def test_a_full_spool_drops_as_it_is_told_and_says_so(tmp_path, policy):
    with _open(tmp_path, LEAST_BYTES, policy) as spool:
        spool.begin(FACTS)
        for first in range(0, 200, 2):
            assert _append(spool, first, size=20_000)
            assert spool.bytes <= LEAST_BYTES
        dropped = spool.dropped
        assert dropped > 100
        if policy is DropPolicy.DROP_NEWEST:  # what was dropped is told with the next chunk that finds room
            spool.commit(spool.current, spool.current.last_sequence)
            _append(spool, 200, size=20_000)
    with _open(tmp_path, LEAST_BYTES, policy) as spool:
        frames = _all(spool)
        stream = spool.current
        assert stream.dropped == dropped
        chunks = [spool.chunk(stream, sequence) for sequence in range(stream.first_sequence, stream.last_sequence + 1)]
        assert [chunk.sequence for chunk in chunks] == list(range(stream.first_sequence, stream.last_sequence + 1))
        assert all(before.frame_index < after.frame_index for before, after in pairwise(frames))
        seen = [frame.frame_index for frame in frames if frame.observation == pb.OBSERVATION_OBSERVED]
        marked = [frame for frame in frames if frame.observation == pb.OBSERVATION_DROPPED]
        assert marked
        assert all(not frame.WhichOneof("cells") for frame in marked)
        if policy is DropPolicy.DROP_OLDEST:
            assert seen == list(range(200 - len(seen), 200))
            assert stream.first_sequence == 1
            assert len(seen) + dropped == 200
        else:
            assert marked[-1].frame_index == 200 - dropped
            assert seen[-2:] == [200, 201]


def test_a_full_spool_blocks_until_something_is_committed(tmp_path):
    with _open(tmp_path, LEAST_BYTES) as spool:
        spool.begin(FACTS)
        first = 0
        while _append(spool, first, size=20_000):
            first += 2
        assert spool.full
        assert spool.dropped == 0
        written = []
        waiter = threading.Thread(
            target=lambda: written.append(spool.append(_frames(first, 2, 20_000), _position(first + 1), lambda: True))
        )
        waiter.start()
        waiter.join(0.3)
        assert not written
        spool.commit(spool.current, spool.current.last_sequence - 1)
        waiter.join(10)
        assert written == [True]


def test_an_epoch_ends_before_another_begins_and_the_done_ones_go(tmp_path):
    with _open(tmp_path) as spool:
        first = spool.begin(FACTS)
        _append(spool, 0)
        wider = FACTS.model_copy(update={"width": 200, "epoch": 7})
        second = spool.begin(wider)
        assert second.facts.epoch == 1001
        assert first.ended
        assert spool.chunk(first, 2).last
        _append(spool, 2)
        assert spool.sending is first
        spool.commit(first, 2)
        assert not first.folder.exists()
        assert spool.sending is second
        spool.finish(second.position)
        spool.finish(second.position)
        spool.commit(second, 2)
        assert spool.sending is None
    with _open(tmp_path) as spool:
        assert spool.sending is None
        assert spool.current.position.finished
        assert spool.begin(wider).facts.epoch == 1002


def test_a_chunk_lost_by_the_disk_is_told_as_dropped(tmp_path):
    with _open(tmp_path) as spool:
        spool.begin(FACTS)
        for first in (0, 2, 4):
            _append(spool, first)
        spool.current._roll(4)
        _append(spool, 6)
    path = min(tmp_path.glob("c/*/*.chunks"))
    with _open(tmp_path) as spool:
        damaged = spool.current._segments[0].places[1].offset + 20
    data = bytearray(path.read_bytes())
    data[damaged] ^= 255
    path.write_bytes(data)
    with _open(tmp_path) as spool:
        frames = _all(spool)
        assert [frame.observation for frame in frames] == [1, 1, 5, 5, 1, 1]
        assert [frame.frame_index for frame in frames] == [0, 1, 2, 3, 6, 7]


def test_a_spool_made_half_way_is_begun_again(tmp_path):
    with _open(tmp_path) as spool:
        stream = spool.begin(FACTS)
        folder = stream.folder
    (folder / "stream.json").unlink()
    with _open(tmp_path) as spool:
        assert spool.current is None
    assert not folder.exists()


def test_damage_that_leaves_nothing_is_named(tmp_path):
    with _open(tmp_path) as spool:
        spool.begin(FACTS)
    (path,) = tmp_path.glob("c/*/*.chunks")
    path.write_bytes(b"nonsense")
    with pytest.raises(SpoolError, match="is damaged"):
        _open(tmp_path)


def test_one_agent_holds_a_spool(tmp_path):
    with _open(tmp_path), pytest.raises(SpoolError, match="held by another agent"):
        _open(tmp_path)
    _open(tmp_path).close()


def test_a_commit_that_comes_after_the_end_touches_nothing(tmp_path):
    spool = _open(tmp_path, LEAST_BYTES)
    spool.begin(FACTS)
    _append(spool, 0)
    spool.current._roll(2)
    stream = spool.current
    spool.close()
    with _open(tmp_path, LEAST_BYTES) as another:
        spool.commit(stream, 1)
        assert another.chunk(another.current, 1).sequence == 1


def _at(first_us: int, index: int) -> tuple[list[pb.Frame], Position]:
    frame = pb.Frame(frame_index=index, timestamp_us=first_us, observation=1, whole=b"x")
    return [frame], Position(last_index=index, last_us=first_us)


def test_what_a_wrong_clock_stamped_far_ahead_makes_way_and_what_follows_gets_a_number_of_today(tmp_path):
    day = 86_400_000_000
    now = time.time_ns() // 1000
    live = FACTS.model_copy(update={"live": True, "epoch": now + 400 * day})
    with _open(tmp_path) as spool:
        spool.begin(live)
        spool.append(*_at(now + 400 * day, 0), lambda: False)
        assert spool.set_ahead_aside(now + day) == 0  # nothing follows yet: the clock is not put right
        spool.begin(live.model_copy(update={"epoch": now}), anew=True)
        spool.append(*_at(now, 0), lambda: False)
        assert spool.current.facts.epoch > now + 400 * day
        assert spool.set_ahead_aside(now + day) == 1
        assert spool.sending is spool.current
        assert now <= spool.current.facts.epoch < now + day
        spool.begin(live.model_copy(update={"epoch": 1}), anew=True)
        spool.append(*_at(now + 1, 0), lambda: False)
    with _open(tmp_path) as spool:
        assert spool.pending_frames == 2
        assert spool.current.position.last_us == now + 1
        assert spool.sending.position.last_us == now
    assert len(list((tmp_path / "c").glob("ahead-*/*.chunks"))) == 1


def test_what_is_not_ahead_stays_where_it_is(tmp_path):
    now = time.time_ns() // 1000
    with _open(tmp_path) as spool:
        for epoch in (now, now + 1):
            spool.begin(FACTS.model_copy(update={"epoch": epoch}), anew=True)
            spool.append(*_at(now, 0), lambda: False)
        assert spool.set_ahead_aside(now + 10) == 0
        assert spool.sending.facts.epoch == now
