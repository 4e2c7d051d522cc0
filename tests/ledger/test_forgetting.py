"""Forgetting leaves what would be there if the forgotten frames had never come."""

import random
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from raypp.errors import StaleStreamError, UnknownSiteError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.tables import ChunkRow
from raypp.usage.episode import CloseReason, StreamName
from raypp.usage.observation import SeenFrame
from raypp.wire.frames import LATEST_US
from tests.ledger.site import (
    DRILL,
    STREAM,
    T0,
    Clock,
    Connection,
    alone,
    at,
    chunks,
    content,
    seen,
    without,
    working_day,
)


def test_forgetting_a_site_leaves_positions_only(ledger: Ledger):
    frames = working_day(200)
    parts = chunks(frames)
    live = Connection(ledger)
    for sequence, part in enumerate(parts[:10], 1):
        live.send(sequence, part)
    held = content(ledger)
    done = forget(ledger, "plant-1", who="anna")
    assert (done.frames, done.episodes, done.stretches) == (80, len(held.episodes), len(held.stretches))
    assert content(ledger) == replace(held, frames=((STREAM, ()),), episodes=frozenset(), stretches=frozenset())
    with pytest.raises(StaleStreamError):
        live.send(11, parts[10])
    live = Connection(ledger)
    assert live.committed == 10
    for sequence, part in enumerate(parts[10:], 11):
        live.send(sequence, part)
    held = content(ledger)
    assert (held.episodes, held.stretches) == alone(frames[80:])
    (entry,) = AuditLog(ledger).list()
    assert (entry.who, entry.action, entry.subject) == ("anna", "forget", f"plant-1/bench@{T0}")
    assert "80 frames" in entry.detail
    assert forget(ledger, "plant-1", to_us=T0).streams == 0


def test_forgetting_counts_alike_in_a_dry_run(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(400)), last=True)
    before = content(ledger)
    for bounds in ({"from_us": at(50), "to_us": at(70)}, {"to_us": at(100)}, {"from_us": at(150)}, {}):
        dry = forget(ledger, "plant-1", dry_run=True, **bounds)
        assert content(ledger) == before
        assert AuditLog(ledger).list(limit=10) == AuditLog(ledger).list(limit=10)
        done = forget(ledger, "plant-1", **bounds)
        assert done == dry.model_copy(update={"dry_run": False})
        assert done.frames > 0
        before = content(ledger)
    assert before.episodes == frozenset()


@pytest.mark.parametrize(("start", "end"), [(50.0, 70.0), (0.0, 65.0), (130.0, 400.0), (99.5, 100.0)])
@pytest.mark.parametrize("last", [True, False])
def test_what_remains_is_as_if_the_rest_had_never_come(ledger: Ledger, start: float, end: float, last: bool):
    frames = working_day(400)
    live = Connection(ledger)
    live.send_all(chunks(frames), last=last)
    forget(ledger, "plant-1", from_us=at(start), to_us=at(end))
    left = without(frames, at(start), at(end))
    held = content(ledger)
    assert held.frames == ((STREAM, tuple(left)),)
    assert (held.episodes, held.stretches) == alone(left, reason=CloseReason.END_OF_STREAM if last else None)
    if not last:
        more = [seen(number, DRILL) for number in range(400, 440)]
        Connection(ledger).send(51, more)
        held = content(ledger)
        assert (held.episodes, held.stretches) == alone([*left, *more])


def test_nightly_retention_leaves_a_live_stream_undisturbed(ledger: Ledger):
    """All before a time that is long past: nothing is folded again, and the connection goes on."""
    hours = [seen(number, *([DRILL] if number % 80 < 40 else []), at_us=at(2 * number)) for number in range(4000)]
    live = Connection(ledger)
    live.send_all(chunks(hours, 200))
    edge = at(1310)  # within a use of the drill, and within the one long stretch
    episodes, stretches = content(ledger).episodes, content(ledger).stretches
    (over,) = (episode for episode in episodes if episode.start_us < edge < episode.end_us)
    forget(ledger, "plant-1", to_us=edge)
    held = content(ledger)
    assert held.frames == ((STREAM, tuple(frame for frame in hours if frame.timestamp_us >= edge)),)
    cut = replace(over, start_us=edge, seen_us=min(over.seen_us, over.end_us - edge))
    assert held.episodes == {episode for episode in episodes if episode.start_us >= edge} | {cut}
    (whole,) = stretches
    assert held.stretches == {replace(whole, start_us=edge)}

    more = [seen(number, at_us=at(2 * number)) for number in range(4000, 4010)]
    live.send(21, more)  # by the lease it had
    after = content(ledger)
    assert {stretch.start_us for stretch in after.stretches} == {edge}
    assert max(stretch.end_us for stretch in after.stretches) > whole.end_us
    assert min(episode.start_us for episode in after.episodes) == edge


def test_forgetting_one_camera_leaves_the_others(ledger: Ledger):
    gate = StreamName("plant-1", "gate", T0)
    Connection(ledger).send_all(chunks(working_day(80)))
    Connection(ledger, gate).send_all(chunks(working_day(80)))
    forget(ledger, "plant-1", camera="bench")
    held = content(ledger)
    assert {episode.stream.camera for episode in held.episodes} == {"gate"}
    assert [len(frames) for _, frames in held.frames] == [0, 80]
    with pytest.raises(UnknownSiteError):
        forget(ledger, "elsewhere")


def packed_chunks(ledger: Ledger) -> list[bytes]:
    with ledger.database.read() as connection:
        return list(connection.execute(select(ChunkRow.packed).order_by(ChunkRow.sequence)).scalars())


def scattered(number: int) -> SeenFrame:
    """A frame whose bytes are like those of no other."""
    chance = random.Random(number)
    return seen(number, *(replace(DRILL, x1=chance.random() / 2, y2=chance.random()) for _ in range(4)))


@pytest.mark.parametrize(("bounds", "whole", "cut"), [({}, 0, 0), ({"from_us": at(9), "to_us": at(31)}, 4, 2)])
def test_nothing_forgotten_is_left_in_the_file(tmp_path, clock: Clock, bounds: dict[str, int], whole: int, cut: int):
    def is_left(chunk: bytes) -> bool:
        return any(chunk in path.read_bytes() for path in tmp_path.iterdir())

    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks([scattered(number) for number in range(80)]))
        before = packed_chunks(ledger)
        assert len(before) == 10
        assert all(is_left(chunk) for chunk in before)
        forget(ledger, "plant-1", **bounds)
        after = packed_chunks(ledger)
        assert len(after) == whole + cut
        gone = [chunk for chunk in before if chunk not in after]
        assert len(gone) == 10 - whole
        assert not any(is_left(chunk) for chunk in gone)
        assert all(is_left(chunk) for chunk in after)


def test_a_reader_keeps_forgotten_bytes_in_the_log_and_that_is_told(tmp_path, clock: Clock):
    def left() -> set[str]:
        return {path.name for path in tmp_path.iterdir() if packed in path.read_bytes()}

    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks([scattered(number) for number in range(80)]))
        packed = packed_chunks(ledger)[3]
        with Ledger.open(ledger.database.shown) as other, other.database.read() as reading:
            assert reading.exec_driver_sql("SELECT sum(frames) FROM chunks").scalar_one() == 80
            done = forget(ledger, "plant-1", wait_s=0.3)
            assert (done.frames, done.emptied) == (80, False)
            assert "ledger.db-wal" in left()
        again = forget(ledger, "plant-1", wait_s=0.3)
        assert (again.frames, again.emptied) == (0, True)
        assert left() == set()


def test_forgetting_waits_for_a_reader_that_ends_in_time(tmp_path, clock: Clock):
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", clock=clock) as ledger:
        ledger.add_site("plant-1")
        Connection(ledger).send_all(chunks(working_day(80)))
        begun = threading.Event()

        def read_for_a_while() -> None:
            with Ledger.open(ledger.database.shown) as other, other.database.read() as reading:
                reading.exec_driver_sql("SELECT sum(frames) FROM chunks").scalar_one()
                begun.set()
                time.sleep(1)

        reader = threading.Thread(target=read_for_a_while)
        reader.start()
        assert begun.wait(30)
        assert forget(ledger, "plant-1").emptied
        reader.join()


def test_one_frame_of_the_future_is_undone_by_forgetting_it(ledger: Ledger):
    """Its stream's newest time, its stretches and what its fold remembers are those of the frames that are left."""
    frames = working_day(40)
    future = seen(40, at_us=LATEST_US)
    live = Connection(ledger)
    live.send_all(chunks([*frames, future]))
    (status,) = ledger.streams("plant-1")
    assert status.newest_us == LATEST_US
    assert forget(ledger, "plant-1", from_us=at(3600)).frames == 1
    (status,) = ledger.streams("plant-1")
    assert status.newest_us == frames[-1].timestamp_us
    more = [seen(number, DRILL) for number in range(41, 60)]
    Connection(ledger).send(7, more)
    held = content(ledger)
    assert (held.episodes, held.stretches) == alone([*frames, *more])


@pytest.mark.parametrize("scope", [{}, {"camera": "bench"}, {"from_us": at(0)}, {"to_us": at(100_000)}])
def test_a_stream_of_which_all_is_forgotten_has_no_newest_frame(ledger: Ledger, scope: dict[str, object]):
    Connection(ledger).send_all(chunks(working_day(40)))
    assert forget(ledger, "plant-1", **scope).frames == 40
    assert [stream.newest_us for stream in ledger.streams("plant-1")] == [None]


def test_a_ledger_from_which_a_frame_of_the_future_was_forgotten_before_is_cured(ledger: Ledger):
    """Earlier versions forgot the frame and left its time as the stream's newest."""
    frames = working_day(40)
    Connection(ledger).send_all(chunks(frames))
    with ledger.database.write() as connection:
        connection.exec_driver_sql("UPDATE streams SET newest_us = 253402300799999999")
    assert forget(ledger, "plant-1", from_us=at(3600)).frames == 0
    assert [stream.newest_us for stream in ledger.streams("plant-1")] == [frames[-1].timestamp_us]
