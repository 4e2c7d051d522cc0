"""Several ledgers that have sites between them. A site is in the ledger that has its row: no other map can be wrong."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Generic, Self, TypeVar

from raypp.errors import LedgerError, LedgerUnavailableError, OptionError, UnknownSiteError
from raypp.io.clock import now_us
from raypp.ledger.known_ledgers import KnownLedgers
from raypp.ledger.ledger_list import ONLY, LedgerList
from raypp.ledger.member import Member
from raypp.ledger.store import Ledger
from raypp.ledger.types import Clock, Site, checked_name
from raypp.ledger.whereabouts import Whereabouts, all_whereabouts, whereabouts

_MOST_HINTS = 100_000

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class FoundIn(Generic[_Value]):
    """Hold what was sought, as one ledger has it.

    Attributes:
        member: the ledger.
        whereabouts: whether what was found there counts.
        value: what was found.
    """

    member: Member
    whereabouts: Whereabouts
    value: _Value


@dataclass(frozen=True)
class SiteList:
    """Sites of all ledgers that answer.

    Attributes:
        sites: by name.
        ledger_of: by the name of a site, the name of the ledger that has it.
        twice: names of sites that two ledgers have, and nobody moves.
        silent: names of ledgers that do not answer.
    """

    sites: tuple[Site, ...]
    ledger_of: dict[str, str]
    twice: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


class Ledgers:
    """Open ledgers; safe to use from several threads, and beside other processes that have them open.

    One alone is used as it is. Of several, one that is broken, or cannot be reached, concerns its own sites alone.

    Args:
        members: the ledgers, the home of operators' tokens first.
        clock: gives processing time.
    """

    def __init__(self, members: Sequence[Member], clock: Clock = now_us) -> None:
        self.members = {member.name: member for member in members}
        self.clock = clock
        self._hints: dict[str, Member] = {}

    @classmethod
    def open(
        cls,
        named: LedgerList,
        *,
        create: bool = True,
        upgrade: bool = False,
        known: KnownLedgers | None = None,
        clock: Clock = now_us,
    ) -> Self:
        """Open ledgers, see `Ledger.open`; of several, one that cannot be is opened once it can, and then never made.

        Args:
            named: their URLs by name.
            create: whether to make them or bring them up to date.
            upgrade: whether to bring up to date those that are there.
            known: remembers those that may be made: none of them is made twice; None: all that are not there are.
            clock: gives processing time.

        Raises:
            LedgerError: naming the ledger and what is wrong with it; of several, only if none can be opened.
        """

        def opening(url: str) -> Callable[[], Ledger]:
            first = partial(Ledger.open, url, create=create, upgrade=upgrade, clock=clock)
            return partial(known.open, url, first) if known is not None and create else first

        members = [
            Member(
                name,
                opening(url),
                is_home=number == 0,
                open_again=partial(Ledger.open, url, create=False, upgrade=create or upgrade, clock=clock),
            )
            for number, (name, url) in enumerate(named.urls.items())
        ]
        opened = cls(members, clock)
        try:
            opened._open_all()
        except BaseException:
            opened.close()
            raise
        return opened

    def _open_all(self) -> None:
        if self.only is not None:
            self.only.ledger()
            return
        errors: list[LedgerError] = []
        for member in self.members.values():
            try:
                member.open()
            except LedgerError as error:
                errors.append(error)
        if len(errors) == len(self.members):
            raise errors[0]

    @classmethod
    def around(cls, ledger: "Ledger | Ledgers") -> "Ledgers":
        """Return ledgers as they are, or one alone as the only one."""
        if isinstance(ledger, Ledgers):
            return ledger
        return cls([Member(ONLY, lambda: ledger, is_home=True)], ledger.clock)

    def close(self) -> None:
        """Close all connections."""
        for member in self.members.values():
            member.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def only(self) -> Member | None:
        """The ledger, where there is one alone."""
        return next(iter(self.members.values())) if len(self.members) == 1 else None

    @property
    def home(self) -> Member:
        """The ledger that has the operators' tokens."""
        return next(iter(self.members.values()))

    def named(self, name: str) -> Member:
        """Return a ledger by its name; raises OptionError where none has it."""
        if name not in self.members:
            raise OptionError(f"no ledger is named {name[:100]!r}; there are {', '.join(self.members)}")
        return self.members[name]

    def opened(self) -> Iterator[tuple[str, Ledger]]:
        """Give all ledgers with their names; raises LedgerUnavailableError where one does not answer."""
        for name, member in self.members.items():
            yield name, member.ledger()

    def each(self, work: Callable[[Ledger], _Value]) -> tuple[dict[str, _Value], dict[str, str]]:
        """Do something with each ledger, of several also where it fails in another one.

        Returns:
            What it gave, and what was wrong, by the names of ledgers.

        Raises:
            LedgerError: what is wrong with the only one.
        """
        done: dict[str, _Value] = {}
        failed: dict[str, str] = {}
        for name, member in self.members.items():
            try:
                done[name] = work(member.ledger())
            except LedgerError as error:
                if self.only is not None:
                    raise
                failed[name] = str(error)
        return done, failed

    def of(self, site: str) -> Ledger:
        """Return the ledger that has a site, or that last knew of it.

        Raises:
            UnknownSiteError: if none has it.
            LedgerUnavailableError: if it may be in one that cannot be reached just now.
            LedgerError: if two have it, and nobody moves it.
        """
        return self.member_of(site).ledger()

    def member_of(self, site: str, *, anew: bool = False) -> Member:
        """Return the ledger as `of` does, as one of these.

        Args:
            site: its name.
            anew: whether all ledgers are asked that answer, also where it is known which one had it.
        """
        return self.only or self.placed(site, anew=anew).member

    def placed(self, site: str, *, anew: bool = False) -> FoundIn[None]:
        """Return the ledger as `member_of` does, with what it knows of the site; one alone knows it itself."""
        if self.only is not None:
            return FoundIn(self.only, Whereabouts.HERE, None)
        if anew:
            self._hints.pop(site, None)
        placed = self.find(site, partial(_site_in, site))
        if placed is None:
            raise UnknownSiteError(f"site {site[:100]!r} is not registered; run `raypp site add`")
        return placed

    def ask(self, site: str, question: Callable[[Ledger], _Value]) -> _Value:
        """Ask the ledger that has a site, and of several not for longer than it answers; raises as `of`."""
        if self.only is not None:
            return question(self.only.ledger())
        return self.member_of(site).ask(lambda member: question(member.ledger()), takes_long=True)

    def place(self, site: str, into: str | None = None) -> Ledger:
        """Return the ledger that has a site, or is to have one that is new.

        A new site's ledger follows from its name alone, by rendezvous hashing: where a ledger is added, no more sites
        would be placed otherwise than are placed in the new one.

        Args:
            site: its name.
            into: name of the ledger that is to have it; None: by its name.

        Raises:
            OptionError: if the name is malformed, or another ledger than `into` has the site.
            LedgerUnavailableError: if it cannot be known whether the site is new.
        """
        checked_name(site, "site")
        wanted = None if into is None else self.named(into)
        try:
            member = self.member_of(site)
        except UnknownSiteError:
            return (wanted or max(self.members.values(), key=partial(_score, site))).ledger()
        if self.only is None and wanted not in {None, member}:
            words = f"site {site} is in ledger {member.name}"
            raise OptionError(f"{words}; `raypp ledger move {site} --to {into}` moves it")
        return member.ledger()

    def site_list(self) -> SiteList:
        """List the sites of all ledgers that answer; raises LedgerUnavailableError if none does."""
        best: dict[str, tuple[Whereabouts, Site, Member]] = {}
        twice: set[str] = set()
        silent: list[str] = []
        for member in self.members.values():
            try:
                listed = member.ask(_all_in, takes_long=True) if self.only is None else _all_in(member)
            except LedgerUnavailableError:
                if len(silent) + 1 == len(self.members):
                    raise
                silent.append(member.name)
                continue
            for site, where in listed:
                if where > Whereabouts.STOPPED:
                    continue
                before = best.get(site.name)
                if before is not None and before[0] is where is Whereabouts.HERE:
                    twice.add(site.name)
                if before is None or where < before[0]:
                    best[site.name] = where, site, member
        names = sorted(best)
        if self.only is None:
            self._hints |= {name: best[name][2] for name in names[:_MOST_HINTS] if name not in twice}
        return SiteList(
            tuple(best[name][1] for name in names),
            {name: best[name][2].name for name in names},
            tuple(sorted(twice)),
            tuple(silent),
        )

    def find(self, name: str, look: Callable[[Member], FoundIn[_Value]]) -> FoundIn[_Value] | None:
        """Find something where it counts, at first in the ledger where it was the last time.

        Args:
            name: of what is sought.
            look: looks in one ledger.

        Returns:
            What was found; None where no ledger has it.

        Raises:
            LedgerUnavailableError: if a ledger does not answer, and what was found in the others does not settle it.
            LedgerError: if two ledgers say that it counts there.
        """
        if self.only is not None:
            only = look(self.only)
            return None if only.whereabouts is Whereabouts.UNKNOWN else only
        hint = self._hints.get(name)
        known: list[FoundIn[_Value]] = []
        silent: LedgerUnavailableError | None = None
        for member in sorted(self.members.values(), key=lambda member: member is not hint):
            try:
                placed = member.ask(look)
            except LedgerUnavailableError as error:
                silent = error
                continue
            if placed.whereabouts is Whereabouts.HERE and member is hint:
                return placed
            if placed.whereabouts is not Whereabouts.UNKNOWN:
                known.append(placed)
        here = [placed.member.name for placed in known if placed.whereabouts is Whereabouts.HERE]
        if len(here) > 1:
            raise LedgerError(
                f"{name} is in ledgers {' and '.join(here)}; move it out of one of them: `raypp ledger move`"
            )
        best = min(known, key=lambda placed: placed.whereabouts, default=None)
        if silent is not None and not here:
            raise silent
        if here and best is not None:
            if len(self._hints) >= _MOST_HINTS:
                self._hints.clear()
            self._hints[name] = best.member
        return best


def _site_in(site: str, member: Member) -> FoundIn[None]:
    with member.ledger().database.read() as connection:
        return FoundIn(member, whereabouts(connection, site), None)


def _all_in(member: Member) -> list[tuple[Site, Whereabouts]]:
    with member.ledger().database.read() as connection:
        return all_whereabouts(connection)


def _score(site: str, member: Member) -> bytes:
    return hashlib.sha256(f"{member.name}/{site}".encode()).digest()
