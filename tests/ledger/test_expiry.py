"""Retention of a whole ledger leaves what forgetting would leave, however it is done."""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from raypp.cli.app import build
from raypp.errors import LedgerUnavailableError, StaleStreamError
from raypp.io.clock import now_us
from raypp.ledger import expiry
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.dropping import Dropped, drop_partition
from raypp.ledger.expiry import Retained, retain
from raypp.ledger.moves import MoveState
from raypp.ledger.partitions import WEEK_US, list_partitions, make_partitions, week_of
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.tables import DAY_US, MoveRow, StreamRow
from raypp.usage.episode import StreamName
from raypp.usage.observation import SeenFrame
from tests.ledger.killed import killed_at, killed_in_child
from tests.ledger.pooler import Pooler
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import (
    DRILL,
    SAW,
    T0,
    Clock,
    Connection,
    Content,
    chunks,
    content,
    seen,
    working_day,
)

WEEK = week_of(T0)
HOUR_US = 3_600_000_000
WEEKS = range(WEEK, WEEK + 6 * WEEK_US, WEEK_US)


def weeks_of_frames(begin_us: int, weeks: float, step_us: int = 8 * HOUR_US) -> list[SeenFrame]:
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
    make_partitions(ledger.database, ledger.clock(), WEEKS)
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
        late = chunks(weeks_of_frames(WEEK, 1.8))  # of a recording that is sent now: half before, half afterwards
        half = len(late) // 2
        yards = [Connection(each, StreamName("plant-1", "yard", WEEK)) for each in (weekly, other)]
        for yard in yards:
            yard.send_all(late[:half])
        forgotten = forget(other, "plant-1", to_us=edge_us)
        dry = retain(weekly, keep_weeks * WEEK_US, dry_run=True)
        before = content(weekly)
        assert dry.edge_us == edge_us
        done = retain(weekly, keep_weeks * WEEK_US)
        assert content(weekly) == content(other) != before
        assert check_ledger(weekly).problems == ()
        retain_again = retain(weekly, keep_weeks * WEEK_US)
        for each in (weekly, other):
            yard = Connection(each, StreamName("plant-1", "yard", WEEK))
            for sequence in range(half + 1, len(late) + 1):
                yard.send(sequence, late[sequence - 1])
        assert content(weekly) == content(other)
        assert [some for some in content(weekly).episodes if some.stream.camera == "yard"]
    for counts in (dry, done):
        assert (counts.frames, counts.detections, counts.episodes, counts.stretches, counts.streams) == (
            *(forgotten.frames, forgotten.detections, forgotten.episodes, forgotten.stretches),
            forgotten.streams,
        )
    assert check_ledger(weekly).problems == ()
    assert (retain_again.streams, retain_again.frames, retain_again.partitions) == (0, 0, ())
    if not weekly.database.is_sqlite:
        assert [some.name for some in done.partitions] == [some.name for some in dry.partitions]
        assert len(done.partitions) == 5 - keep_weeks
        assert not {some.name for some in done.partitions} & set(names(weekly))
        assert sum(some.frames for some in done.partitions) > forgotten.frames * 0.9


@pytest.fixture
def dropping(postgres: PostgresServer, clock: Clock) -> Iterator[Ledger]:
    """A filled ledger in PostgreSQL, with a partition for each week."""
    url = postgres.database()
    with Ledger.open(url, clock=clock) as ledger:
        ledger.add_site("plant-1")
        make_partitions(ledger.database, ledger.clock(), WEEKS)
        filled(ledger)
        yield ledger
    postgres.drop(url)


@pytest.fixture
def two_weeks(tmp_path: Path, clock: Clock) -> Content:
    """Content that is left once all but two weeks are forgotten."""
    with Ledger.open(f"sqlite:///{tmp_path}/whole.db", clock=clock) as ledger:
        ledger.add_site("plant-1")
        filled(ledger)
        forget(ledger, "plant-1", to_us=WEEK + 3 * WEEK_US)
        return content(ledger)


def test_what_lies_in_no_partition_of_its_own_is_deleted_by_rows(postgres: PostgresServer, clock: Clock, two_weeks):
    url = postgres.database()
    with Ledger.open(url, clock=clock) as ledger:  # the weeks before now have none
        ledger.add_site("plant-1")
        filled(ledger)
        done = retain(ledger, 2 * WEEK_US)
        assert (done.partitions, content(ledger)) == ((), two_weeks)
        assert done.frames > 0
        assert check_ledger(ledger).problems == ()
    postgres.drop(url)


def test_a_site_may_keep_less_than_the_ledger(dropping: Ledger, two_weeks: Content):
    forget(dropping, "plant-1", to_us=WEEK + 2 * WEEK_US + 5 * HOUR_US)
    retain(dropping, 2 * WEEK_US)
    assert content(dropping) == two_weeks
    assert check_ledger(dropping).problems == ()


def killed(url: str, clock: Clock, number: int, *, after: bool) -> bool:
    """Retain two weeks in a process that is killed at one of its transactions; return whether it was."""

    def work() -> None:
        with Ledger.open(url, clock=clock) as ledger, killed_at(number, after=after):
            retain(ledger, 2 * WEEK_US)

    return killed_in_child(work)


def check_killed(ledger: Ledger, clock: Clock, number: int, *, after: bool) -> bool:
    """Kill a retention; what it leaves is whole, and the next one ends it."""
    url = ledger.database.engine.url.render_as_string(hide_password=False)
    with ledger.database.read() as connection:
        sent = connection.execute(select(StreamRow.camera, StreamRow.frames).order_by(StreamRow.camera)).all()
    ledger.database.engine.dispose()
    was_killed = killed(url, clock, number, after=after)
    assert check_ledger(ledger).problems == ()
    retain(ledger, 2 * WEEK_US)
    assert check_ledger(ledger).problems == ()
    with ledger.database.read() as connection:
        kept = {stream.camera: len(frames) for stream, frames in content(ledger).frames}
        rows = connection.execute(select(StreamRow.camera, StreamRow.frames, StreamRow.forgotten_frames)).all()
        assert {row.camera: row.frames - row.forgotten_frames for row in rows} == kept
        assert sorted((row.camera, row.frames) for row in rows) == [tuple(row) for row in sent]
    return was_killed


@pytest.mark.parametrize("after", [False, True])
def test_a_drop_that_is_killed_is_done_or_has_not_begun(
    dropping: Ledger, clock: Clock, two_weeks: Content, after: bool
):
    """The first two transactions cut streams; the third one is the first that drops."""
    assert check_killed(dropping, clock, 3, after=after)
    assert content(dropping) == two_weeks


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, 9))
def test_whenever_it_is_killed(dropping: Ledger, clock: Clock, two_weeks: Content, number: int, after: bool):
    check_killed(dropping, clock, number, after=after)
    assert content(dropping) == two_weeks


def test_streams_lose_and_double_nothing_while_partitions_are_dropped(postgres: PostgresServer, clock: Clock):
    """Through a pooler, and beside a site that streams a recording of the very weeks that are dropped."""
    url = postgres.database()
    parts = chunks([replace(frame, timestamp_us=frame.timestamp_us + 6 * WEEK_US) for frame in working_day(400)])
    old = chunks(weeks_of_frames(WEEK, 2.0))
    with Pooler(postgres, default_pool_size=6) as pooler, Ledger.open(pooler.url(url), clock=clock) as ledger:
        for site in ("plant-1", "plant-2", "plant-3"):
            ledger.add_site(site)
        make_partitions(ledger.database, ledger.clock(), WEEKS)
        filled(ledger)
        begun, dropped = threading.Event(), []

        def stream(site: str, some) -> None:
            done = 0
            while done < len(some):
                with suppress(LedgerUnavailableError, StaleStreamError):
                    live = Connection(ledger, StreamName(site, "bench", T0))
                    for done in range(live.committed + 1, len(some) + 1):
                        live.send(done, some[done - 1])
                        if done == 3:
                            begun.set()

        def drop() -> None:
            begun.wait(60)
            for weeks in (4, 3, 2):
                dropped.extend(retain(ledger, weeks * WEEK_US).partitions)

        threads = [threading.Thread(target=stream, args=each) for each in (("plant-2", parts), ("plant-3", old))]
        threads.append(threading.Thread(target=drop))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(dropped) == 3
        held = content(ledger, "plant-2")
        assert [frame for _, frames in held.frames for frame in frames] == [frame for part in parts for frame in part]
        assert check_ledger(ledger).problems == ()
        retain(ledger, 2 * WEEK_US)
        assert [len(frames) for _, frames in content(ledger, "plant-3").frames] == [0]
        assert check_ledger(ledger).problems == ()
    postgres.drop(url)


def test_a_partition_that_somebody_reads_stays_and_streams_go_on(dropping: Ledger, postgres: PostgresServer):
    before = content(dropping)
    url = dropping.database.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    with psycopg.connect(url, application_name="pg_dump") as reader:
        reader.execute("SELECT count(*) FROM chunks")
        with pytest.raises(
            LedgerUnavailableError, match=r"chunks_20231113 .* in use by pg_dump, process \d+; nothing of"
        ):
            retain(dropping, 2 * WEEK_US, wait_s=0.5)
        live = Connection(dropping, StreamName("plant-1", "bench", WEEK))
        live.send(live.committed + 1, [seen(9999, at_us=WEEK + 5 * WEEK_US)])
        assert check_ledger(dropping).problems == ()
    assert len(retain(dropping, 2 * WEEK_US).partitions) == 3
    assert len(content(dropping).episodes) < len(before.episodes)


def test_a_stream_that_is_folded_anew_meanwhile_is_cut_again(
    dropping: Ledger, two_weeks: Content, monkeypatch: pytest.MonkeyPatch
):
    rewritten: list[int] = []

    def after_rewriting(*arguments: object) -> Dropped:
        if not rewritten:
            rewritten.append(reaggregate(dropping, "plant-1", again=True).streams)
        return drop_partition(*arguments)

    monkeypatch.setattr(expiry, "drop_partition", after_rewriting)
    done = retain(dropping, 2 * WEEK_US)
    assert (rewritten, len(done.partitions)) == ([3], 3)
    assert content(dropping) == two_weeks
    assert check_ledger(dropping).problems == ()


def test_a_site_on_its_way_elsewhere_keeps_its_frames_and_that_is_said(dropping: Ledger):
    before = content(dropping)
    row = {"site": "plant-1", "move_id": "0" * 32, "lease": 1, "peer": "sqlite:///b.db"}
    with dropping.database.write() as connection:
        connection.execute(MoveRow.__table__.insert(), [row | {"state": int(MoveState.LEAVING)}])
    done = retain(dropping, 2 * WEEK_US)
    assert (done.frames, done.partitions, content(dropping)) == (0, (), before)
    assert "site plant-1 is being moved" in done.waiting[0]


def test_each_stream_has_its_entry_in_the_audit_log(weekly: Ledger):
    edge_us = WEEK + 3 * WEEK_US
    at_the_edge = [seen(0, DRILL, at_us=edge_us - 600_000_000), seen(1, at_us=edge_us + 600_000_000)]
    Connection(weekly, StreamName("plant-1", "yard", WEEK)).send(1, at_the_edge)  # it is folded anew
    done = retain(weekly, 2 * WEEK_US, who="anna")
    entries = [entry for entry in AuditLog(weekly).list() if entry.who == "anna"]
    assert {entry.action for entry in entries} == {"retain"}
    cameras = {f"plant-1/{name}" for name in ("bench", "gate", "yard")}
    assert {entry.subject.split("@")[0] for entry in entries} == cameras
    assert sum(int(entry.detail.split(": ")[1].split()[0]) for entry in entries) == done.frames


def run(*words: object) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "300"}).invoke(build(), [str(word) for word in words])
    return result.exit_code, result.output if result.exception is None else f"{result.output}{result.exception}"


def test_the_command_says_what_it_does_and_a_report_of_kept_days_stays(url: str, tmp_path: Path):
    """The command goes by the machine's clock: its data is of the last weeks."""
    week = week_of(now_us())
    first, last = (f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d}" for at_us in (week - 12 * DAY_US, week))
    with Ledger.open(url) as ledger:
        make_partitions(ledger.database, now_us(), range(week - 5 * WEEK_US, week, WEEK_US))
        parts = chunks(weeks_of_frames(week - 5 * WEEK_US, 5.0))
        Connection(ledger, StreamName("plant-1", "bench", week - 5 * WEEK_US)).send_all(parts)

    def report() -> dict[str, object]:
        words = ("--ledger", url, "--from", first, "--to", last, "--json", tmp_path / "report.json")
        assert run("report", "plant-1", *words)[0] == 0
        return json.loads((tmp_path / "report.json").read_text())

    before = report()
    code, output = run("ledger", "retain", url, "--keep", "15d", "--dry-run")
    assert (code, "would forget" in output) == (0, True)
    output = "".join(line for line in output.splitlines(True) if not line.startswith("retain: "))
    code, again = run("ledger", "retain", url, "--keep", "15d", "--json", tmp_path / "done.json")
    again = "".join(line for line in again.splitlines(True) if not line.startswith("retain: "))  # where it takes long
    assert (code, again) == (0, output.replace("would drop", "dropped").replace("would forget", "forgot"))
    (done,) = (Retained(**kept) for kept in json.loads((tmp_path / "done.json").read_text())["ledgers"])
    assert done.frames > 0
    assert (len(done.partitions) > 0) == url.startswith("postgresql")
    assert report() == before
    for words in ((), ("--keep", "12h"), ("--keep", "soon")):
        assert run("ledger", "retain", url, *words)[0] != 0
