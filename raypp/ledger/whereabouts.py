"""Whether a ledger has a site, which is what routes to it: no other record says where a site is."""

from enum import IntEnum

from sqlalchemy import Connection, select

from raypp.ledger.moves import AWAY, MoveState, has_moves
from raypp.ledger.tables import MoveRow, SiteRow
from raypp.ledger.types import Site


class Whereabouts(IntEnum):
    """Say what a ledger knows of a site; of several ledgers, the one with the lowest number has it."""

    HERE = 1
    STOPPED = 2
    """Its streams wait: it is here, unless the ledger that it moves to has it by now."""
    GONE = 3
    """It has moved to another ledger."""
    COMING = 4
    """It is being moved here, and is not here yet."""
    UNKNOWN = 5


_OF_MOVE = {
    int(MoveState.LEAVING): Whereabouts.HERE,
    int(MoveState.STOPPED): Whereabouts.STOPPED,
    int(MoveState.GONE): Whereabouts.GONE,
    int(MoveState.ARRIVING): Whereabouts.COMING,
    int(MoveState.ARRIVED): Whereabouts.HERE,
}


def whereabouts(connection: Connection, site: str) -> Whereabouts:
    """Say what a ledger knows of a site."""
    if connection.execute(select(SiteRow.name).where(SiteRow.name == site)).first() is None:
        return Whereabouts.UNKNOWN
    if not has_moves(connection):
        return Whereabouts.HERE
    state = connection.execute(select(MoveRow.state).where(MoveRow.site == site)).scalar_one_or_none()
    return Whereabouts.HERE if state is None else _OF_MOVE[state]


def all_whereabouts(connection: Connection) -> list[tuple[Site, Whereabouts]]:
    """List what a ledger knows of each site that it has a row of, by name."""
    rows = connection.execute(select(SiteRow.name, SiteRow.version, SiteRow.added_us).order_by(SiteRow.name)).all()
    states: dict[str, int] = {}
    if has_moves(connection):
        states = dict(connection.execute(select(MoveRow.site, MoveRow.state)).tuples().all())
    if not states:
        return [(Site(*row), Whereabouts.HERE) for row in rows]
    return [(Site(*row), _OF_MOVE[states[row[0]]] if row[0] in states else Whereabouts.HERE) for row in rows]


def sites_away(connection: Connection) -> frozenset[str]:
    """Return the sites that a ledger has a row of, and that another ledger has."""
    if not has_moves(connection):
        return frozenset()
    return frozenset(connection.execute(select(MoveRow.site).where(MoveRow.state.in_(AWAY))).scalars())
