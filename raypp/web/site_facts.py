"""Settings and cameras of many sites, read a ledger at a time rather than a site at a time."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from typing import TypeVar

from sqlalchemy import Connection

from raypp.errors import LedgerUnavailableError, SettingsError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.many_sites import settings_texts
from raypp.ledger.member import Member
from raypp.ledger.queries import read_streams
from raypp.ledger.store import Ledger
from raypp.ledger.tables import StreamRow
from raypp.ledger.types import StreamStatus
from raypp.reports.cameras import CameraState, camera_states
from raypp.usage.settings import SiteSettings

logger = logging.getLogger("ray.serve")

_AT_A_TIME = 500
_MOST_KEPT = 20_000

_Fact = TypeVar("_Fact")


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """Hold what a list shows of a site.

    Attributes:
        time_zone: IANA name.
        cameras: how they are doing.
    """

    time_zone: str
    cameras: tuple[CameraState, ...]


def read_facts(
    ledgers: Ledgers, ledger_of: Mapping[str, str], sites: Sequence[str], now_us: int
) -> dict[str, SiteFacts]:
    """Read facts of sites, see `by_ledger`.

    Args:
        ledgers: what they are read from.
        ledger_of: names of their ledgers.
        sites: their names.
        now_us: the present, microseconds since 1970.
    """
    return by_ledger(ledgers, ledger_of, sites, partial(_facts_in, now_us=now_us))


def by_ledger(
    ledgers: Ledgers,
    ledger_of: Mapping[str, str],
    sites: Sequence[str],
    read: Callable[[Ledger, Sequence[str]], dict[str, _Fact]],
) -> dict[str, _Fact]:
    """Read something of sites, a ledger at a time, and of several not for longer than one answers.

    Those that cannot be read so are left out: read them singly, which says why.

    Args:
        ledgers: what it is read from.
        ledger_of: names of the sites' ledgers.
        sites: their names.
        read: reads it of some sites of one ledger.
    """
    names: defaultdict[str, list[str]] = defaultdict(list)
    for site in sites:
        if site in ledger_of:
            names[ledger_of[site]].append(site)
    facts: dict[str, _Fact] = {}
    for name, some in names.items():
        try:
            facts |= _read_in(ledgers, ledgers.named(name), partial(_answer, read, some))
        except LedgerUnavailableError:
            continue
        except Exception:  # whatever it is, it is of one site, and the others are shown
            logger.exception("raypp: sites of ledger %s cannot be read together; their pages say why", name)
            continue
    return facts


def _read_in(ledgers: Ledgers, member: Member, question: Callable[[Member], _Fact]) -> _Fact:
    return question(member) if ledgers.only is not None else member.ask(question, takes_long=True)


def _answer(
    read: Callable[[Ledger, Sequence[str]], dict[str, _Fact]], sites: Sequence[str], member: Member
) -> dict[str, _Fact]:
    return read(member.ledger(), sites)


def _facts_in(ledger: Ledger, sites: Sequence[str], now_us: int) -> dict[str, SiteFacts]:
    facts: dict[str, SiteFacts] = {}
    with ledger.database.read() as connection:
        for begin in range(0, len(sites), _AT_A_TIME):
            some = sites[begin : begin + _AT_A_TIME]
            texts = settings_texts(connection, some)
            streams = streams_of(connection, some)
            for site, text in texts.items():
                if (read := _read(text)) is not None:
                    facts[site] = SiteFacts(read[0], camera_states(streams.get(site, ()), read[1], now_us))
    return facts


def streams_of(connection: Connection, sites: Sequence[str]) -> dict[str, list[StreamStatus]]:
    """Return the streams of sites that have any, by camera and epoch."""
    rows = read_streams(connection, StreamRow.site.in_(sites))
    return {site: list(some) for site, some in groupby(rows, key=_site_of)}


def _site_of(status: StreamStatus) -> str:
    return status.stream.site


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str | None) -> tuple[str, float] | None:
    """Read the time zone of settings, and after how many seconds a camera is silent; None if they cannot be read."""
    try:
        settings = SiteSettings.default() if text is None else SiteSettings.parse(text, "settings of a site")
    except SettingsError:
        return None
    return settings.time_zone, settings.reap_after_s
