# ruff: noqa: S608 - the statements are the test's own
"""A ledger that is whole has no problem, whatever it went through; and each kind of damage is named."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.settings import CAMERA, yard_site_settings
from raypp.demo.yard.site import Seeds, Yard
from raypp.errors import UnknownSiteError
from raypp.ledger.check.ledger import LedgerChecked, check_ledger
from raypp.ledger.packing import as_stored
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.schema import newest_schema
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from tests.ledger.older import write_older
from tests.ledger.site import ABOUT, STREAM, T0, Clock, Connection, at, chunks, seen, template, working_day

_CHANGED = "tools: [{class: drill, min_on_s: 4}]"
_RULES = """
tools: [{class: drill}, {class: saw}]
alerts: [{name: long, when: episode_opened, to: [office]}]
"""
_PARTS = chunks(working_day(240))


def _problems(ledger: Ledger, **scope: object) -> list[str]:
    return list(check_ledger(ledger, **scope).problems)


def _people(ledger: Ledger) -> None:
    """Stream a yard, where zones have rules, at a site of its own."""
    ledger.add_site("yard")
    ledger.configure("yard", yard_site_settings("yard"), unchecked=True)
    writer = StreamWriter.open(ledger, StreamName("yard", CAMERA, T0), StreamAbout(CLASSES, "c" * 64, "b" * 32))
    frames = [
        as_stored(replace(frame.frame, timestamp_us=T0 + frame.frame.timestamp_us))
        for frame in Yard.make(Seeds.DEVELOP, 3, seconds=30).frames
    ]
    for number, start in enumerate(range(0, len(frames), 60), 1):
        writer.commit(number, frames[start : start + 60], last=False)


def _history(ledger: Ledger) -> None:
    """Settings that change, a model that changes, empty chunks, a take-over, an end, silence, and forgotten frames."""
    live = Connection(ledger)
    for sequence, part in enumerate(_PARTS[:8], 1):
        live.send(sequence, part)
    ledger.configure("plant-1", _CHANGED)
    live = Connection(ledger)
    live.send(9, ())
    live = Connection(ledger, about=replace(ABOUT, model_id="d" * 64, classes=("saw", "drill", "file")))
    for sequence, part in enumerate(_PARTS[8:12], 10):
        live.send(sequence, part)
    forget(ledger, "plant-1", from_us=at(10), to_us=at(15))
    later = Connection(ledger, replace(STREAM, epoch=T0 + 1))
    later.send(1, [seen(number) for number in range(1000, 1040)])
    ended = Connection(ledger, replace(STREAM, camera="hall"))
    ended.send_all(_PARTS, last=True)
    silent = Connection(ledger, replace(STREAM, camera="gate"))
    silent.send_all(_PARTS[:3])
    ledger.reap(ledger.clock() + 10**12)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite ledger with much behind it, alerts, and people."""
    path = tmp_path_factory.mktemp("whole") / "ledger.db"
    shutil.copy(template(), path)
    with Ledger.open(f"sqlite:///{path}", clock=Clock()) as ledger:
        _history(ledger)
        _people(ledger)
        ledger.add_site("alarmed")
        ledger.configure("alarmed", _RULES)
        Connection(ledger, replace(STREAM, site="alarmed")).send_all(_PARTS)
    return path


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    shutil.copy(whole, tmp_path / "ledger.db")
    return tmp_path / "ledger.db"


def test_a_ledger_that_went_through_much_is_whole(ledger: Ledger) -> None:
    _history(ledger)
    assert _problems(ledger) == []
    reaggregate(ledger, "plant-1")
    forget(ledger, "plant-1", camera="hall", to_us=at(60))
    assert _problems(ledger) == []


def test_people_and_alerts_are_whole_and_counted_by_camera(whole: Path) -> None:
    with Ledger.open(f"sqlite:///{whole}", create=False) as ledger:
        done = check_ledger(ledger)
        assert done.problems == ()
        rows = {(row.site, row.camera): row for row in done.cameras}
        assert set(rows) == {
            *(("plant-1", camera) for camera in ("bench", "gate", "hall")),
            ("yard", CAMERA),
            ("alarmed", "bench"),
        }
        assert (rows["plant-1", "bench"].streams, rows["plant-1", "hall"].frames) == (2, 240)
        assert rows["plant-1", "hall"].detections == sum(len(frame.detections) for frame in working_day(240))
        yard = rows["yard", CAMERA]
        assert min(yard.violations, yard.exposures) > 0
        assert yard.violations == len(ledger.violations("yard"))
        assert LedgerChecked.model_validate_json(done.model_dump_json()) == done


def test_only_one_site_or_what_has_committed_since(whole: Path) -> None:
    with Ledger.open(f"sqlite:///{whole}", create=False) as ledger:
        assert {row.site for row in check_ledger(ledger, "yard").cameras} == {"yard"}
        assert check_ledger(ledger, since_us=Clock().now + 1).cameras == ()
        assert len(check_ledger(ledger, since_us=Clock().now).cameras) == 5
        with pytest.raises(UnknownSiteError):
            check_ledger(ledger, "elsewhere")


_HALL = "stream_id = (SELECT stream_id FROM streams WHERE camera = 'hall')"
_OF_ALARMED = "(SELECT stream_id FROM streams WHERE site = 'alarmed')"
DAMAGES = {
    f"DELETE FROM chunks WHERE {_HALL} AND sequence = 7": "hall@{epoch}: 8 frames of 240 committed are missing "
    "(chunks without any: 7)",
    f"INSERT INTO chunks SELECT stream_id, 31, first_us, last_us, frames, detections, packed FROM chunks "
    f"WHERE {_HALL} AND sequence = 5": "frames of chunk 31 are there, and 30 is the last",
    f"UPDATE chunks SET packed = (SELECT packed FROM chunks WHERE {_HALL} AND sequence = 5) "
    f"WHERE {_HALL} AND sequence = 6": "chunk 6: frame 32 comes after 39, so it is there twice",
    f"UPDATE chunks SET packed = substr(packed, 1, 30) WHERE {_HALL} AND sequence = 3": "chunk 3: a chunk of 30 bytes",
    f"UPDATE chunks SET detections = 99 WHERE {_HALL} AND sequence = 3": "and its row says (99,",
    f"UPDATE chunks SET first_us = 5 WHERE {_HALL} AND sequence = 3": "chunk 3: detections, first and last time",
    f"DELETE FROM episodes WHERE {_HALL} AND rowid = (SELECT min(rowid) FROM episodes WHERE {_HALL})": "is missing, "
    "and its frames fold to one",
    f"UPDATE episodes SET seen_us = 7 WHERE {_HALL}": "is stored with seen_us 7 (folded:",
    "INSERT INTO episodes SELECT 'ffff', stream_id, site, tool, station, start_us, end_us, seen_us, state, reason, "
    f"changed_us FROM episodes WHERE {_HALL} LIMIT 1": "episode ffff is stored, and its frames fold to none",
    f"UPDATE stretches SET end_us = end_us + 5 WHERE {_HALL}": "stretch at",
    f"DELETE FROM stretches WHERE {_HALL}": "stretch at",
    "UPDATE violations SET sure = 0.015625": "is stored with sure 0.015625",
    "DELETE FROM violations": "violation",
    "UPDATE exposures SET worn_us = 3": "is stored with worn_us 3",
    "DELETE FROM exposures": "exposure in",
    f"UPDATE streams SET fold = x'00' WHERE {_HALL}": "the fold's state: a fold's state of 1 bytes is damaged",
    f"UPDATE streams SET fold = NULL WHERE {_HALL}": "the fold's state is missing",
    f"UPDATE streams SET fold = (SELECT fold FROM streams WHERE camera = 'gate') WHERE {_HALL}": "is not the one after",
    f"UPDATE streams SET frames = 300 WHERE {_HALL}": "60 frames of 300 committed are missing",
    f"UPDATE streams SET frames = 200 WHERE {_HALL}": "40 frames more are kept than were committed",
    f"UPDATE streams SET detections = 1 WHERE {_HALL}": "the stream's row says detections 1, and its frames",
    f"UPDATE streams SET last_frame = 1 WHERE {_HALL}": "the stream's row says latest frame 1, and its frames 239",
    f"UPDATE streams SET newest_us = 1 WHERE {_HALL}": "the stream's row says newest time 1",
    f"UPDATE streams SET committed = 29 WHERE {_HALL}": "8 frames of 240 committed are missing",
    f"DELETE FROM terms WHERE {_HALL}": "no settings and model are kept for chunk 1",
    "UPDATE streams SET ended_us = NULL WHERE camera = 'bench'": "plant-1/bench: 2 of its streams go on",
    "UPDATE cameras SET latest_epoch = 9": "plant-1/hall: its latest epoch is",
    "UPDATE episodes SET stream_id = 999": "name stream 999",
    "UPDATE episodes SET site = 'yard' WHERE site = 'plant-1'": "rows of episodes name stream",
    "DELETE FROM sites WHERE name = 'alarmed'": "name site alarmed, which is not registered",
    "UPDATE outbox SET state = 2": "it is done, and done_us is None",
    "UPDATE outbox SET state = 9": "state 9 is none",
    "UPDATE outbox SET content = '{'": "its content is no JSON",
    "UPDATE outbox SET kind = 'odd'": "kind odd is none of this raypp",
    "UPDATE outbox SET due_us = 1": "due at 1, raised at",
    "UPDATE settings SET document = '{}' WHERE document LIKE '%min_on_s%'": "their content is of",
    "UPDATE settings SET document = 'tools: 5'": "settings",
    "UPDATE sites SET settings = 'tools: 5' WHERE name = 'yard'": "settings of site yard",
    "UPDATE models SET classes = '5'": "its classes are no list",
    "UPDATE raypp_schema SET version_num = '0006'": f"has schema 0006, and this raypp checks {newest_schema()}",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_each_damage_is_named_in_a_line(copy: Path, damage: str) -> None:
    with closing(sqlite3.connect(copy)) as plain, plain:
        assert plain.execute(damage).rowcount > 0
    with Ledger.open(f"sqlite:///{copy}", create=False) as ledger:
        problems = _problems(ledger)
    words = DAMAGES[damage].replace("{epoch}", str(T0))
    assert any(words in problem for problem in problems), problems
    assert all("\n" not in problem for problem in problems)


def test_an_index_that_lacks_a_row_is_named(copy: Path) -> None:
    with closing(sqlite3.connect(copy)) as plain, plain:
        plain.execute("PRAGMA writable_schema = ON")
        plain.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'start_us', 'end_us') WHERE name = 'ix_episodes_start'"
        )
    with Ledger.open(f"sqlite:///{copy}", create=False) as ledger:
        assert any(problem.startswith("the file: row ") for problem in _problems(ledger))


def test_damages_of_a_postgresql_ledger_are_named(postgres_ledger: Ledger) -> None:
    _history(postgres_ledger)
    with postgres_ledger.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM chunks WHERE {_HALL} AND sequence = 7")
        connection.exec_driver_sql(
            "UPDATE episodes SET end_us = end_us + 1 WHERE stream_id IN "
            "(SELECT stream_id FROM streams WHERE camera = 'gate')"
        )
    problems = _problems(postgres_ledger)
    assert len(problems) > 1
    assert problems[-1].startswith(f"plant-1/hall@{T0}: 8 frames of 240 committed are missing")
    assert all(problem.startswith(f"plant-1/gate@{T0}: episode ") for problem in problems[:-1])


@pytest.fixture
def postgres_ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    server = request.getfixturevalue("postgres")
    address = server.database(request.getfixturevalue("postgres_template"))
    with Ledger.open(address, clock=Clock()) as opened:
        yield opened
    server.drop(address)


def test_frames_of_an_older_schema_are_checked_once_it_is_brought_up(whole: Path, empty_url: str) -> None:
    with Ledger.open(f"sqlite:///{whole}", create=False) as ledger:
        write_older(empty_url, ledger)
    with Ledger.open(empty_url, create=False) as older:
        assert _problems(older) == [
            f"the ledger has schema 0006, and this raypp checks {newest_schema()}; bring it up, or a copy of it"
        ]
    with Ledger.open(empty_url) as older:
        assert _problems(older) == []
        with older.database.write() as connection:
            connection.exec_driver_sql(f"DELETE FROM frames WHERE {_HALL} AND frame_index = 9")
            connection.exec_driver_sql(f"UPDATE frames SET count = 7 WHERE {_HALL} AND frame_index = 10")
        problems = _problems(older)
    assert [problem.partition(": ")[2] for problem in problems] == [
        "frame 10: it has 2 detections, and its row says 7",
        "1 frame of 240 committed are missing",
    ]


def test_streams_that_go_on_meanwhile_are_no_problem(url: str) -> None:
    """Commits and rewritings between the steps of the check would look like damage, were these not of one moment."""
    ended = threading.Event()
    with Ledger.open(url, clock=Clock()) as ledger, Ledger.open(url, clock=Clock()) as other:

        def stream() -> None:
            try:
                for epoch in range(4):
                    live = Connection(other, replace(STREAM, epoch=T0 + epoch))
                    for sequence, part in enumerate(_PARTS, 1):
                        live.send(
                            sequence,
                            [replace(frame, timestamp_us=frame.timestamp_us + epoch * 10**9) for frame in part],
                        )
                    reaggregate(other, "plant-1", again=True)
            finally:
                ended.set()

        thread = threading.Thread(target=stream)
        thread.start()
        checks = 0
        while not ended.is_set():
            assert _problems(ledger) == []
            checks += 1
        thread.join()
        assert checks > 1
        assert [row.frames for row in check_ledger(ledger).cameras] == [4 * 240]
