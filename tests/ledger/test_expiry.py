"""Retention of a whole ledger leaves what forgetting would leave, however it is done."""

from collections.abc import Iterator

import pytest

from raypp.errors import OptionError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.expiry import retain
from raypp.ledger.partitions import WEEK_US, list_partitions, make_partitions, week_of
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US
from raypp.usage.episode import StreamName
from raypp.usage.observation import SeenFrame
from tests.ledger.site import DRILL, SAW, T0, Clock, Connection, chunks, content, seen

WEEK = week_of(T0)
HOUR_US = 3_600_000_000


def weeks_of_frames(begin_us: int, weeks: float, step_us: int = 2 * HOUR_US) -> list[SeenFrame]:
    """Three frames every so often, in some of which tools are used; a chunk of eight reaches over each Monday."""
    moments = range(begin_us, begin_us + round(weeks * WEEK_US), step_us)
    return [
        seen(3 * number + more, *([DRILL] if number % 7 < 3 else []), *([SAW] if number % 5 else []), at_us=at_us)
        for number, moment in enumerate(moments)
        for more, at_us in enumerate((moment, moment + 400_000, moment + 800_000))
    ]


def filled(ledger: Ledger, site: str = "plant-1") -> None:
    """Stream five weeks of one camera, of another one that ended in the second week, and of one that began late."""
    for camera, begin_us, weeks, last in (
        ("bench", WEEK, 5.0, False),
        ("gate", WEEK + DAY_US, 1.2, True),
        ("hall", WEEK + 3 * WEEK_US + HOUR_US, 1.5, False),
    ):
        parts = chunks(weeks_of_frames(begin_us, weeks))
        Connection(ledger, StreamName(site, camera, begin_us)).send_all(parts, last=last)


@pytest.fixture
def clock() -> Clock:
    clock = Clock()
    clock.now = WEEK + 5 * WEEK_US
    return clock


@pytest.fixture
def weekly(ledger: Ledger) -> Ledger:
    """A ledger with a partition for each week, if it has any."""
    make_partitions(ledger.database, ledger.clock(), WEEK)
    filled(ledger)
    return ledger


def names(ledger: Ledger) -> list[str]:
    with ledger.database.read() as connection:
        return [partition.name for partition in list_partitions(connection)]


@pytest.mark.parametrize("keep_weeks", [1, 2, 3])
def test_retention_leaves_what_forgetting_leaves(weekly: Ledger, keep_weeks: int, tmp_path):
    edge_us = WEEK + (5 - keep_weeks) * WEEK_US
    with Ledger.open(f"sqlite:///{tmp_path}/other.db", clock=weekly.clock) as other:
        other.add_site("plant-1")
        filled(other)
        forgotten = forget(other, "plant-1", to_us=edge_us)
        dry = retain(weekly, keep_weeks * WEEK_US, dry_run=True)
        before = content(weekly)
        assert dry.edge_us == edge_us
        done = retain(weekly, keep_weeks * WEEK_US)
        assert content(weekly) == content(other) != before
    for counts in (dry, done):
        assert (counts.frames, counts.detections, counts.episodes, counts.stretches, counts.streams) == (
            *(forgotten.frames, forgotten.detections, forgotten.episodes, forgotten.stretches),
            forgotten.streams,
        )
    assert check_ledger(weekly).problems == ()
    again = retain(weekly, keep_weeks * WEEK_US)
    assert (again.streams, again.frames, again.partitions) == (0, 0, ())
    if not weekly.database.is_sqlite:
        assert [some.name for some in done.partitions] == [some.name for some in dry.partitions]
        assert len(done.partitions) == 5 - keep_weeks
        assert not {some.name for some in done.partitions} & set(names(weekly))
        assert sum(some.frames for some in done.partitions) > forgotten.frames * 0.9
