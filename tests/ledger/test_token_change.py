"""Tokens revoked while their site moves between ledgers: whatever comes between, they are refused afterwards."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raypp.errors import LedgerUnavailableError, SiteMovingError, UnauthenticatedError
from raypp.ledger.identity import Identities
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledger_map import source_of_move
from raypp.ledger.ledgers import FoundIn, Ledgers
from raypp.ledger.member import Member
from raypp.ledger.site_copy import SiteCopy
from raypp.ledger.site_move import SiteMove
from tests.ledger.postgres import PostgresServer

_SITE = "plant-1"


class _Between(Ledgers):
    """Ledgers of which something is done, once, between where a site was looked up and what is then done there."""

    between: Callable[[], object] | None = None

    def find(self, name: str, look: Callable[[Member], FoundIn[Any]]) -> FoundIn[Any] | None:
        placed = super().find(name, look)
        between, self.between = self.between, None
        if between is not None:
            between()
        return placed


@pytest.fixture(params=["from SQLite", "from PostgreSQL"])
def ledgers(request: pytest.FixtureRequest, postgres: PostgresServer, tmp_path: Path) -> Iterator[_Between]:
    server = postgres.database()
    urls = [f"sqlite:///{tmp_path}/file.db", server]
    source, target = urls if request.param == "from SQLite" else urls[::-1]
    with _Between.open(LedgerList({"source": source, "target": target})) as opened:
        yield opened
    postgres.drop(server)


def _move(ledgers: Ledgers, steps: int) -> None:
    """Begin a move, or go on with it, and stop after so many steps, as if it were killed."""
    target = ledgers.named("target").ledger()
    move = SiteMove(source_of_move(ledgers, _SITE, target), target, _SITE)
    move._begin()
    copy = SiteCopy(move._source.database, target.database, _SITE, move._fence_target)
    for step in (move._stop_streams, lambda: move._arrive(copy), move._leave)[: steps - 1]:
        step()


def _end(ledgers: Ledgers) -> None:
    target = ledgers.named("target").ledger()
    SiteMove(source_of_move(ledgers, _SITE, target), target, _SITE).run()


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_a_token_revoked_while_its_site_moves_is_refused_afterwards(ledgers: _Between, steps: int):
    token = Identities(ledgers).add_site(_SITE, into="source")
    assert Identities(ledgers).check(token).site == _SITE, "and a hint says where it is"
    ledgers.between = lambda: _move(ledgers, steps)
    try:
        revoked = Identities(ledgers).revoke(_SITE)
    except SiteMovingError:
        revoked = 0  # nothing was revoked, and the command says to try again
        assert steps in {2, 3}
    _end(ledgers)
    if not revoked:
        assert Identities(ledgers).check(token).site == _SITE
        assert Identities(ledgers).revoke(_SITE) == 1
    with pytest.raises(UnauthenticatedError):
        Identities(ledgers).check(token)
    with pytest.raises(UnauthenticatedError):
        Identities(ledgers.named("target").ledger()).check(token)


def test_a_site_that_moves_while_its_token_is_looked_up_is_to_be_tried_again_and_not_refused(ledgers: _Between):
    token = Identities(ledgers).add_site(_SITE, into="source")
    ledgers.between = lambda: _move(ledgers, 4)
    with pytest.raises(LedgerUnavailableError, match="plant-1 is being moved; try again"):
        Identities(ledgers).check(token)
    assert Identities(ledgers).check(token).site == _SITE


def test_a_site_that_went_to_a_ledger_of_nobody_here_says_where_its_tokens_are_still_good(
    ledgers: _Between, tmp_path: Path
):
    Identities(ledgers).add_site(_SITE, into="source")
    with Ledgers.open(LedgerList.parse(f"sqlite:///{tmp_path}/elsewhere.db")) as elsewhere:
        SiteMove(ledgers.of(_SITE), elsewhere.home.ledger(), _SITE).run()
        identities = Identities(ledgers)
        assert identities.revoke(_SITE) == 1
        assert identities.moved_to(_SITE) == elsewhere.home.ledger().database.shown
        assert Identities(elsewhere).moved_to(_SITE) is None
        assert Identities(elsewhere).revoke(_SITE) == 1
