"""Sites on their way between two ledgers: what each of the two may do with a site meanwhile."""

from collections.abc import Collection
from enum import IntEnum

from sqlalchemy import Connection, inspect, select

from raypp.errors import SiteMovingError, UnknownSiteError
from raypp.ledger.tables import MoveRow, SiteRow

_HAS_MOVES = "raypp_moves"


class MoveState(IntEnum):
    """How far the move of a site is, as one of its two ledgers has it."""

    LEAVING = 1
    """It is copied elsewhere; its streams go on."""
    STOPPED = 2
    """The rest is copied; its streams wait."""
    GONE = 3
    """The other ledger has it."""
    ARRIVING = 4
    """It is copied here, and is not here yet."""
    ARRIVED = 5
    """It came here: as good as one that never moved."""


AWAY = (int(MoveState.GONE), int(MoveState.ARRIVING))
"""States of sites that a ledger does not have."""
STILL = (int(MoveState.STOPPED), *AWAY)
"""States of sites of which nothing may be written or sent."""


def has_moves(connection: Connection) -> bool:
    """Whether there is a table of moves; a ledger of an older schema that is only read has none."""
    if not connection.info.get(_HAS_MOVES):
        connection.info[_HAS_MOVES] = inspect(connection).has_table(MoveRow.__tablename__)
    return bool(connection.info[_HAS_MOVES])


def gone_to(connection: Connection, site: str) -> str | None:
    """Return the URL of the ledger that a site has moved to from here; None where it has not."""
    if not has_moves(connection):
        return None
    query = select(MoveRow.peer).where(MoveRow.site == site, MoveRow.state == int(MoveState.GONE))
    return connection.execute(query).scalar_one_or_none()


def require_here(connection: Connection, site: str) -> None:
    """Raise SiteMovingError where a ledger does not have a registered site, or not yet."""
    if has_moves(connection):
        _refuse(connection, site, AWAY)


def hold_site(connection: Connection, site: str, *, rewrites: bool = False, left_behind: bool = False) -> None:
    """Within a transaction that writes to a site, see that no move stops it before the transaction ends.

    Args:
        connection: of the transaction; it has read no row that a move changes.
        site: the site.
        rewrites: whether rows are changed that a move may have copied already.
        left_behind: whether what is written stays with this ledger once the site has gone.

    Raises:
        SiteMovingError: if the site is being moved, or has moved.
        UnknownSiteError: if it is not registered.
    """
    row = select(SiteRow.name).where(SiteRow.name == site).with_for_update(read=True, key_share=True)
    if connection.execute(row).first() is None:
        raise UnknownSiteError(f"site {site[:100]!r} is not registered; run `raypp site add`")
    if has_moves(connection):
        states = (int(MoveState.LEAVING), *STILL) if rewrites else STILL
        _refuse(connection, site, tuple(state for state in states if not left_behind or state != MoveState.GONE))


def hold_sites(connection: Connection, sites: Collection[str]) -> None:
    """Within a transaction that changes rows which a move may have copied, hold several sites as `hold_site` does.

    Raises:
        SiteMovingError: if one of them is being moved, or has moved.
    """
    rows = select(SiteRow.name).where(SiteRow.name.in_(sites)).order_by(SiteRow.name)
    connection.execute(rows.with_for_update(read=True, key_share=True)).all()
    states = (int(MoveState.LEAVING), *STILL)
    moving = select(MoveRow.site).where(MoveRow.site.in_(sites), MoveRow.state.in_(states)).order_by(MoveRow.site)
    for site in connection.execute(moving.limit(1)).scalars():
        _refuse(connection, site, states)


def _refuse(connection: Connection, site: str, states: tuple[int, ...]) -> None:
    query = select(MoveRow.state, MoveRow.peer).where(MoveRow.site == site, MoveRow.state.in_(states))
    move = connection.execute(query).one_or_none()
    if move is None:
        return
    if move.state == int(MoveState.GONE):
        raise SiteMovingError(f"site {site} has moved to ledger {move.peer}; reach the service of that ledger")
    if move.state == int(MoveState.ARRIVING):
        raise SiteMovingError(f"site {site} is not here yet, it is being moved from ledger {move.peer}; try again")
    raise SiteMovingError(f"site {site} is being moved to ledger {move.peer}; try again")
