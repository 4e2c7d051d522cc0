"""A move of a site that is killed, at any of its transactions: the next one ends it in the same state."""

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from raypp.errors import OptionError
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.identity import Identities
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.killed import killed_at, killed_in_child
from tests.ledger.moved import ALERTS, HALF, PARTS, rows, whole
from tests.ledger.site import T0, Clock, Connection


def moved_by_child(source: str, target: str, number: int, *, after: bool, cancels: bool = False) -> bool:
    """Move the site in a process that is killed at one of its transactions; return whether it was."""

    def work() -> None:
        with (
            Ledger.open(source, clock=Clock()) as ledger,
            Ledger.open(target, clock=Clock()) as other,
            killed_at(number, after=after),
        ):
            move = SiteMove(ledger, other, "plant-1")
            move.cancel() if cancels else move.run()

    return killed_in_child(work)


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a site that has streamed half a day."""
    path = tmp_path_factory.mktemp("streamed") / "ledger.db"
    with Ledger.open(f"sqlite:///{path}", clock=Clock()) as ledger:
        Identities(ledger).add_site("plant-1")
        ledger.configure("plant-1", ALERTS)
        Connection(ledger).send_all(PARTS[:HALF])
        Connection(ledger, StreamName("plant-1", "gate", T0)).send_all(PARTS, last=True)
    return path


def ends_alike(streamed: Path, folder: Path, number: int, *, after: bool) -> bool:
    """Move a site with a kill at a transaction, then whole; return whether the kill came to be."""
    with Ledger.open(f"sqlite:///{streamed}", clock=Clock()) as ledger:
        before = whole(ledger)
    folder.mkdir()
    shutil.copy(streamed, folder / "a.db")
    source, target = f"sqlite:///{folder}/a.db", f"sqlite:///{folder}/b.db"
    killed = moved_by_child(source, target, number, after=after)
    with Ledger.open(source, clock=Clock()) as ledger, Ledger.open(target, clock=Clock()) as other:
        present = [each for each in (ledger, other) if "plant-1" in {site.name for site in each.sites()}]
        assert present, f"nobody has the site after a kill at {number}"
        assert whole(present[-1]) == before
        if killed:
            SiteMove(ledger, other, "plant-1").run()
        assert whole(other) == before
        assert ledger.sites() == []
        assert set(rows(ledger).values()) == {0}
        assert check_ledger(other).problems == () == check_ledger(ledger).problems
        assert Connection(other).committed == HALF
    return killed


@pytest.mark.parametrize("number", [2, 7])
def test_a_mover_that_was_killed_leaves_what_the_next_one_ends(streamed: Path, tmp_path: Path, number: int):
    """Before anything is copied, and when the target has the site and the source does not know yet."""
    assert ends_alike(streamed, tmp_path / "moved", number, after=True)


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_a_mover_killed_at_any_transaction_leaves_what_the_next_one_ends(streamed: Path, tmp_path: Path, after: bool):
    number = 1
    while ends_alike(streamed, tmp_path / str(number), number, after=after):
        number += 1
    assert number > 8


@pytest.mark.slow
def test_a_cancelling_killed_at_any_transaction_leaves_what_the_next_one_ends(streamed: Path, tmp_path: Path):
    with Ledger.open(f"sqlite:///{streamed}", clock=Clock()) as ledger:
        before = whole(ledger)
    number, killed = 0, True
    while killed:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copy(streamed, folder / "a.db")
        source, target = f"sqlite:///{folder}/a.db", f"sqlite:///{folder}/b.db"
        with Ledger.open(source, clock=Clock()) as ledger, Ledger.open(target, clock=Clock()) as other:
            move = SiteMove(ledger, other, "plant-1")
            move._begin()
            move._stop_streams()
        killed = moved_by_child(source, target, number, after=True, cancels=True)
        with Ledger.open(source, clock=Clock()) as ledger, Ledger.open(target, clock=Clock()) as other:
            with suppress(OptionError):  # it may have been cancelled whole
                SiteMove(ledger, other, "plant-1").cancel()
            assert whole(ledger) == before
            assert other.sites() == []
            assert set(rows(other).values()) == {0}
            assert Connection(ledger).committed == HALF
    assert number > 4
