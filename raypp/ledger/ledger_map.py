"""Which site is in which ledger, read from where it is true: the rows of the ledgers themselves."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select, text

from raypp.errors import LedgerUnavailableError, OptionError, UnknownSiteError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.moves import MoveState, gone_to, has_moves
from raypp.ledger.store import Ledger
from raypp.ledger.tables import MoveRow
from raypp.ledger.whereabouts import Whereabouts, whereabouts

_UNDER_WAY = (int(MoveState.LEAVING), int(MoveState.STOPPED))


class LedgerUse(BaseModel):
    """A ledger: how many sites and bytes it has; null where it does not answer. `ledger` is its URL, or null."""

    model_config = ConfigDict(frozen=True)
    name: str
    ledger: str | None
    sites: int | None
    bytes: int | None


class SitePlace(BaseModel):
    """A site: name of its ledger, and the URL of the one that it is being moved to."""

    model_config = ConfigDict(frozen=True)
    site: str
    ledger: str
    moves_to: str | None = None


class LedgerMap(BaseModel):
    """Ledgers in their order, and sites by name; `twice` are sites that two ledgers have, and nobody moves."""

    model_config = ConfigDict(frozen=True)
    ledgers: tuple[LedgerUse, ...]
    sites: tuple[SitePlace, ...]
    twice: tuple[str, ...]


def ledger_map(ledgers: Ledgers) -> LedgerMap:
    """Read which site is where; raises LedgerUnavailableError if none answers, or one ceases to meanwhile."""
    listed = ledgers.site_list()
    uses: list[LedgerUse] = []
    moving: dict[str, str] = {}
    for name, member in ledgers.members.items():
        if name in listed.silent:
            uses.append(LedgerUse(name=name, ledger=None, sites=None, bytes=None))
            continue
        ledger = member.ledger()
        with ledger.database.read() as connection:
            size, leaving = _size(connection), _leaving(connection)
        count = sum(owner == name for owner in listed.ledger_of.values())
        uses.append(LedgerUse(name=name, ledger=ledger.database.shown, sites=count, bytes=size))
        moving |= {site: peer for site, peer in leaving.items() if listed.ledger_of.get(site) == name}
    return LedgerMap(
        ledgers=tuple(uses),
        sites=tuple(
            SitePlace(site=site.name, ledger=listed.ledger_of[site.name], moves_to=moving.get(site.name))
            for site in listed.sites
        ),
        twice=listed.twice,
    )


def source_of_move(ledgers: Ledgers, site: str, target: Ledger) -> Ledger:
    """Return the ledger that a move of a site to another one goes out from; of a move under way, its own.

    Raises:
        OptionError: if the target has the site, and no move to it is to be ended.
        UnknownSiteError: if no ledger has it.
        LedgerUnavailableError: if it may be in one that cannot be reached just now.
    """
    if ledgers.only is not None:
        return ledgers.only.ledger()
    shown = target.database.shown
    here: list[Ledger] = []
    left: list[Ledger] = []
    silent: LedgerUnavailableError | None = None
    for member in ledgers.members.values():
        try:
            ledger = member.ask(lambda member: member.ledger())
            with ledger.database.read() as connection:
                where = whereabouts(connection, site)
                peer = _leaving(connection).get(site)
                went_to = gone_to(connection, site)
        except LedgerUnavailableError as error:
            silent = error
            continue
        if peer is not None and ledger.database.shown != shown:
            return ledger
        if where is Whereabouts.HERE:
            here.append(ledger)
        elif went_to == shown:
            left.append(ledger)
    away = [ledger for ledger in here if ledger.database.shown != shown]
    if away or left:
        return (away or left)[0]
    if silent is not None:
        raise silent
    if here:
        raise OptionError(f"ledger {shown} is the one that has site {site}; name another one")
    raise UnknownSiteError(f"site {site[:100]!r} is not registered; run `raypp site add`")


def _size(connection: Connection) -> int:
    if connection.dialect.name != "sqlite":
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    pages, size = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _leaving(connection: Connection) -> dict[str, str]:
    """Return the sites that are being moved away, each with the URL of where to."""
    if not has_moves(connection):
        return {}
    query = select(MoveRow.site, MoveRow.peer).where(MoveRow.state.in_(_UNDER_WAY))
    return {row.site: row.peer for row in connection.execute(query)}
