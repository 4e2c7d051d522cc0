"""A site moved to another ledger: whatever happens meanwhile, each chunk is in the one or the other, once."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from raypp.cli.ledgers import ledger as ledger_commands
from raypp.errors import (
    ConflictError,
    LedgerError,
    OptionError,
    SiteMovingError,
    StaleStreamError,
    UnauthenticatedError,
    UnknownSiteError,
)
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.identity import Identities, Role
from raypp.ledger.letters import Letters
from raypp.ledger.reaggregation import reaggregate
from raypp.ledger.retention import forget
from raypp.ledger.shortfalls import Commitment, shortfalls
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from raypp.serving.status import Status, status_of
from raypp.usage.episode import StreamName
from tests.ledger.moved import ALERTS, HALF, PARTS, rows, whole
from tests.ledger.postgres import PostgresServer
from tests.ledger.site import STREAM, T0, Clock, Connection, chunks, content, undisturbed, working_day


@pytest.fixture
def other(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger of the other kind."""
    if url.startswith("sqlite"):
        server: PostgresServer = request.getfixturevalue("postgres")
        address = server.database()
        with Ledger.open(address, clock=Clock()) as opened:
            yield opened
        server.drop(address)
    else:
        with Ledger.open(f"sqlite:///{tmp_path}/other.db", clock=Clock()) as opened:
            yield opened


def test_a_moved_site_is_as_it_was_and_goes_on(ledger: Ledger, other: Ledger):
    """From SQLite to PostgreSQL, and from PostgreSQL to SQLite."""
    token = Identities(ledger).add_site("plant-1")
    with other.database.write() as connection:  # so that keys differ
        connection.exec_driver_sql(
            "INSERT INTO sites (name, version, reap_after_us, added_us) VALUES ('plant-0', 0, 1000000, 1)"
        )
    Connection(other, StreamName("plant-0", "bench", T0)).send_all(PARTS)
    before_other = content(other, "plant-0")
    ledger.configure("plant-1", ALERTS)
    Connection(ledger).send_all(PARTS[:HALF])
    ended = StreamName("plant-1", "gate", T0)
    Connection(ledger, ended).send_all(PARTS, last=True)
    before = whole(ledger)
    moved = SiteMove(ledger, other, "plant-1").run()
    assert len(before[3]) > 1  # alerts that wait
    assert moved.chunks == HALF + len(PARTS)
    assert whole(other) == before
    assert set(rows(ledger).values()) == {0}
    assert [site.name for site in ledger.sites()] == []
    assert [site.name for site in other.sites()] == ["plant-0", "plant-1"]
    assert Identities(other).check(token).site == "plant-1"
    connection = Connection(other)
    assert connection.committed == HALF
    for number in range(HALF + 1, len(PARTS) + 1):
        connection.send(number, PARTS[number - 1], last=number == len(PARTS))
    assert dict(content(other).frames)[STREAM] == undisturbed(PARTS).frames[0][1]
    assert content(other, "plant-0") == before_other
    for each in (ledger, other):
        assert check_ledger(each).problems == ()
    assert [entry.detail.split(",")[0] for entry in AuditLog(ledger).list() if entry.action == "ledger move"] == [
        "begun",
        "gone",
    ]


def test_a_site_moves_there_and_back(ledger: Ledger, other: Ledger):
    token = Identities(ledger).add_site("plant-1")
    Connection(ledger).send_all(PARTS)
    before = whole(ledger)
    SiteMove(ledger, other, "plant-1").run()
    assert Identities(ledger).check(token).site == "plant-1"  # so that its agent learns where to go
    with pytest.raises(SiteMovingError, match="has moved to ledger") as refused:
        Connection(ledger)
    assert status_of(refused.value).status is Status.UNAVAILABLE  # agents keep their frames, and try again
    with pytest.raises(SiteMovingError, match="has moved to ledger"):
        shortfalls(ledger, "plant-1", [Commitment("bench", T0, 1, 2, T0, T0)])  # nothing is lost: it is elsewhere
    SiteMove(other, ledger, "plant-1").run()
    assert whole(ledger) == before
    assert set(rows(other).values()) == {0}
    Connection(ledger)
    with pytest.raises(SiteMovingError, match="has moved to ledger"):
        Connection(other)
    SiteMove(ledger, other, "plant-1").run()
    assert whole(other) == before
    assert Identities(ledger).revoke("plant-1", Role.SITE) == 1  # a stolen token still has frames detected here
    with pytest.raises(UnauthenticatedError):
        Identities(ledger).check(token)


def test_a_stopped_site_is_written_by_nobody(ledger: Ledger, other: Ledger):
    Identities(ledger).add_site("plant-1")
    connection = Connection(ledger)
    connection.send_all(PARTS[:HALF])
    move = SiteMove(ledger, other, "plant-1")
    move._begin()
    with pytest.raises(SiteMovingError, match="being moved to"):
        forget(ledger, "plant-1")
    connection.send(HALF + 1, PARTS[HALF])  # and what is committed while it is copied comes along
    move._stop_streams()
    with pytest.raises(StaleStreamError):
        connection.send(HALF + 2, PARTS[HALF + 1])
    for write in (
        lambda: Connection(ledger),
        lambda: ledger.configure("plant-1", "max_frame_gap_s: 4\n"),
        lambda: Identities(ledger).add_site("plant-1"),
        lambda: Identities(ledger).revoke("plant-1", Role.SITE),
        lambda: Letters(ledger, "plant-1").drop(),
        lambda: forget(ledger, "plant-1"),
        lambda: reaggregate(ledger, "plant-1", again=True),
        lambda: Identities(other).add_site("plant-1"),
        lambda: Connection(other),
    ):
        with pytest.raises(SiteMovingError):
            write()
    assert [site.name for site in ledger.sites()] == ["plant-1"]
    assert other.sites() == []
    assert check_ledger(other).problems == ()
    other.reap(other.clock() + 10**12)  # a copy that lies there long is not taken for what came to nothing
    assert SiteMove(ledger, other, "plant-1").run().chunks == 0  # it is copied with what had to wait
    assert Connection(other).committed == HALF + 1


def test_a_cancelled_move_leaves_all_as_it_was(ledger: Ledger, other: Ledger):
    Connection(ledger).send_all(PARTS[:HALF])
    before = whole(ledger)
    with pytest.raises(OptionError, match="nothing to cancel"):
        SiteMove(ledger, other, "plant-1").cancel()
    move = SiteMove(ledger, other, "plant-1")
    move._begin()
    move._stop_streams()
    SiteMove(ledger, other, "plant-1").cancel()
    assert whole(ledger) == before
    assert set(rows(other).values()) == {0}
    with pytest.raises(UnknownSiteError):
        Connection(other)
    connection = Connection(ledger)
    connection.send(HALF + 1, PARTS[HALF])
    with pytest.raises(ConflictError, match="another `raypp ledger move`"):
        move._arrive(None)
    SiteMove(ledger, other, "plant-1").run()
    with pytest.raises(OptionError, match="nothing to cancel"):
        SiteMove(ledger, other, "plant-1").cancel()


def test_moves_that_cannot_be(ledger: Ledger, other: Ledger, tmp_path: Path):
    with pytest.raises(UnknownSiteError, match="plant-9"):
        SiteMove(ledger, other, "plant-9")
    with pytest.raises(OptionError, match="is the ledger that has site plant-1"):
        SiteMove(ledger, ledger, "plant-1").run()
    other.add_site("plant-1")
    with pytest.raises(OptionError, match="has a site plant-1 already"):
        SiteMove(ledger, other, "plant-1").run()
    with Ledger.open(f"sqlite:///{tmp_path}/third.db") as third, Ledger.open(f"sqlite:///{tmp_path}/4th.db") as fourth:
        SiteMove(ledger, third, "plant-1")._begin()
        with pytest.raises(OptionError, match=r"is on its way to .*third\.db"):
            SiteMove(ledger, fourth, "plant-1").run()
        with pytest.raises(OptionError, match="is being moved here"):
            SiteMove(third, fourth, "plant-1").run()
        SiteMove(ledger, third, "plant-1").run()
        with pytest.raises(OptionError, match=r"has moved to .*third\.db"):
            SiteMove(ledger, fourth, "plant-1").run()
        with third.database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM sites").scalar_one() == 1


def test_a_target_that_was_lost_can_be_given_up(ledger: Ledger, other: Ledger, tmp_path: Path):
    """Such as one that was restored to what it was before: the source has all until the site has arrived."""
    Connection(ledger).send_all(PARTS)
    before = whole(ledger)
    place = tmp_path / "lost.db"
    with Ledger.open(f"sqlite:///{place}") as lost:
        move = SiteMove(ledger, lost, "plant-1")
        move._begin()
        move._stop_streams()
    for file in tmp_path.glob("lost.db*"):
        file.unlink()
    with Ledger.open(f"sqlite:///{place}") as restored:
        with pytest.raises(OptionError, match="--cancel"):
            SiteMove(ledger, restored, "plant-1").run()
        SiteMove(ledger, restored, "plant-1").cancel()
        assert whole(ledger) == before
        assert restored.sites() == []
    SiteMove(ledger, other, "plant-1").run()


def test_a_site_that_streams_loses_and_doubles_nothing(url: str, other: Ledger):
    """The stream goes where the site is, as an agent does that is refused and tries again."""
    parts = chunks(working_day(1200))
    begun, places, failed = threading.Event(), [], []

    def stream(ledger: Ledger) -> None:
        at, done = [ledger, other], False
        while not done:
            try:
                connection = Connection(at[0])
                places.append(at[0])
                for number in range(connection.committed + 1, len(parts) + 1):
                    connection.send(number, parts[number - 1], last=number == len(parts))
                    if number == 20:
                        begun.set()
                done = True
            except SiteMovingError as error:
                if "has moved" in str(error):
                    at.reverse()
            except StaleStreamError:
                pass
            except LedgerError as error:
                failed.append(error)
                return

    with Ledger.open(url, clock=Clock()) as ledger:
        streaming = threading.Thread(target=stream, args=(ledger,))
        streaming.start()
        begun.wait(30)
        moved = SiteMove(ledger, other, "plant-1").run()
        streaming.join()
        assert failed == []
        assert places[0] is ledger
        assert places[-1] is other
        assert moved.chunks > 0
        assert content(other) == undisturbed(parts)
        assert set(rows(ledger).values()) == {0}
        assert check_ledger(other).problems == ()


def command(*arguments: object):
    app = typer.Typer()
    app.add_typer(ledger_commands, name="ledger")
    return CliRunner(env={"COLUMNS": "200", "RAYPP_LEDGER": ""}).invoke(app, ["ledger", *map(str, arguments)])


def test_the_command_moves_a_site_and_cancels_a_move(url: str, tmp_path: Path):
    target = f"sqlite:///{tmp_path}/moved.db"
    with Ledger.open(url, clock=Clock()) as ledger:
        Connection(ledger).send_all(PARTS)
        before = content(ledger)
        with Ledger.open(target) as other:
            SiteMove(ledger, other, "plant-1")._begin()
    cancelled = command("move", "plant-1", "--ledger", url, "--to", target, "--cancel")
    assert cancelled.exit_code == 0, cancelled.output
    assert "site plant-1 stays in" in cancelled.stderr
    place = tmp_path / "moved.json"
    moved = command("move", "plant-1", "--ledger", url, "--to", target, "--json", place)
    assert moved.exit_code == 0, moved.output
    assert f"{len(PARTS)} chunks copied while it streamed" in moved.stderr
    document = json.loads(place.read_text())
    assert (document["site"], document["target"], document["chunks"]) == ("plant-1", target, len(PARTS))
    with Ledger.open(target, create=False) as other:
        assert content(other) == before
    refused = command("move", "plant-9", "--ledger", url, "--to", target)
    assert isinstance(refused.exception, UnknownSiteError)
    text = " ".join(command("move", "--help").stdout.split())
    assert "Example: raypp ledger move plant-1" in text
