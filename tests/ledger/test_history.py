"""A long history: a question about a little of it does not look at the rest."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from sqlalchemy import event

from raypp.ledger.statements import write_episodes, write_stretches
from raypp.ledger.store import Ledger
from raypp.ledger.types import page_after
from raypp.usage.episode import CloseReason, Episode, EpisodeState, Stretch
from raypp.usage.observation import Observation
from tests.ledger.site import ABOUT, SECOND, STREAM, T0

HOUR = 3600 * SECOND
DAYS = 200
END = T0 + DAYS * 24 * HOUR
LENGTHS = (0, 1, 40 * SECOND, HOUR, HOUR + 1, 5 * HOUR, 24 * HOUR, 24 * HOUR + 1, 70 * HOUR)
OFTEN = (10, 100, 8000, 50, 50, 50, 30, 30, 30)


def episodes() -> list[Episode]:
    chance = random.Random(3)
    uses = []
    for number, length in enumerate(chance.choices(LENGTHS, OFTEN, k=6_000)):
        start = T0 + chance.randrange(DAYS * 24 * HOUR // SECOND) * SECOND
        tool, name = chance.choice(("drill", "saw")), f"{number:032x}"
        state, reason = EpisodeState.FINAL, CloseReason.ENDED
        uses.append(Episode(name, STREAM, tool, "", start, start + length, length, state, reason))
    return sorted(uses, key=lambda episode: (episode.start_us, episode.episode_id))


def stretches() -> list[Stretch]:
    chance = random.Random(4)
    turns = sorted(chance.sample(range(T0, END, SECOND), 3000))
    turns = [turn for turn in turns if not T0 + 50 * HOUR < turn < T0 + 99 * HOUR]  # one stretch of two days
    return [
        Stretch(STREAM, start, end, Observation(1 + number % 2)) for number, (start, end) in enumerate(pairwise(turns))
    ]


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    ledger.open_stream(STREAM, ABOUT)
    with ledger.database.write() as connection:
        write_episodes(connection, 1, episodes(), None, T0)
        write_stretches(connection, 1, stretches(), None)
    if not ledger.database.is_sqlite:
        with ledger.database.write() as connection:
            connection.exec_driver_sql("ANALYZE")
    return ledger


def reaches(start_us: int, end_us: int, item: Episode | Stretch) -> bool:
    return item.start_us < end_us and (item.end_us > start_us or item.start_us == start_us)


def test_a_range_holds_what_reaches_into_it_however_long_that_lasts(filled: Ledger):
    chance, uses, seen = random.Random(5), episodes(), stretches()
    for _ in range(40):
        start = T0 + chance.randrange(DAYS * 24 * HOUR)
        end = start + chance.choice((1, HOUR, 26 * HOUR))
        wanted = [use for use in uses if reaches(start, end, use)]
        assert filled.episodes("plant-1", start, end, limit=None) == wanted
        assert filled.episodes("plant-1", start, end, ["saw"], limit=None) == [
            use for use in wanted if use.tool == "saw"
        ]
        assert filled.stretches("plant-1", start, end) == [stretch for stretch in seen if reaches(start, end, stretch)]
    edge = next(use for use in uses if use.end_us - use.start_us == 5 * HOUR)
    assert edge in filled.episodes("plant-1", edge.end_us - 1, edge.end_us, limit=None)
    assert edge not in filled.episodes("plant-1", edge.end_us, edge.end_us + 1, limit=None)


def test_pages_of_a_range_hold_each_episode_once(filled: Ledger):
    long = next(use for use in episodes() if use.end_us - use.start_us == 70 * HOUR)
    start = long.start_us + 60 * HOUR
    wanted = [use for use in episodes() if reaches(start, start + 200 * HOUR, use)]
    assert long in wanted  # so pages go across the ranges that are looked at
    paged: list[Episode] = []
    after = None
    while page := filled.episodes("plant-1", start, start + 200 * HOUR, after=after, limit=3):
        paged += page
        after = page_after(page[-1])
    assert paged == wanted


@contextmanager
def plans(ledger: Ledger) -> Iterator[list[str]]:
    """Explain each query that is made meanwhile."""
    queries: list[tuple[str, object]] = []
    explain = "EXPLAIN QUERY PLAN " if ledger.database.is_sqlite else "EXPLAIN "

    def note(_connection, _cursor, statement: str, parameters, _context, _many) -> None:
        if statement.startswith(("SELECT", "(SELECT")):
            queries.append((statement, parameters))

    event.listen(ledger.database.engine, "before_cursor_execute", note)
    explained: list[str] = []
    try:
        yield explained
    finally:
        event.remove(ledger.database.engine, "before_cursor_execute", note)
    with ledger.database.read() as connection:
        for statement, parameters in queries:
            rows = connection.exec_driver_sql(explain + statement, parameters).all()
            explained.append("\n".join(str(row) for row in rows))


READS: dict[str, tuple[Callable[[Ledger, int], object], tuple[str, ...]]] = {
    "uses": (
        lambda ledger, at: ledger.episodes("plant-1", at, at + 24 * HOUR, limit=None),
        ("ix_episodes_days", "ix_episodes_hours", "ix_episodes_start"),
    ),
    "stretches": (
        lambda ledger, at: ledger.stretches("plant-1", at, at + 24 * HOUR),
        ("ix_stretches_days", "ix_stretches_hours", "ix_stretches_start"),
    ),
    "open": (lambda ledger, _: ledger.open_episodes("plant-1"), ("ix_episodes_open",)),
}


@pytest.mark.parametrize("day", [0, DAYS // 2, DAYS - 1])
@pytest.mark.parametrize("name", READS)
def test_each_read_uses_an_index_made_for_it(filled: Ledger, name: str, day: int):
    read, indexes = READS[name]
    with plans(filled) as explained:
        read(filled, T0 + day * 24 * HOUR)
    plan = "\n".join(explained)
    assert "SCAN episodes" not in plan
    assert "Seq Scan on episodes" not in plan
    if filled.database.is_sqlite:
        assert [index for index in indexes if index in plan] == list(indexes)
    else:  # which compares costs: at the ends of a history another index may be as cheap
        assert any(index in plan for index in indexes)
