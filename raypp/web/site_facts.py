"""Settings and cameras of many sites, read a ledger at a time rather than a site at a time."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select

from raypp.errors import LedgerError, LedgerUnavailableError, SettingsError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.queries import read_streams
from raypp.ledger.tables import SiteRow, StreamRow
from raypp.ledger.types import StreamStatus
from raypp.reports.cameras import CameraState, camera_states
from raypp.usage.settings import SiteSettings

logger = logging.getLogger("ray.serve")

_AT_A_TIME = 500
_MOST_KEPT = 20_000


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
    """Read facts of sites; those that cannot be read so are left out: read them singly, which says why.

    Args:
        ledgers: what they are read from.
        ledger_of: names of their ledgers.
        sites: their names.
        now_us: the present, microseconds since 1970.
    """
    by_ledger: defaultdict[str, list[str]] = defaultdict(list)
    for site in sites:
        if site in ledger_of:
            by_ledger[ledger_of[site]].append(site)
    facts: dict[str, SiteFacts] = {}
    for name, some in by_ledger.items():
        try:
            for text, site, streams in _rows(ledgers, name, some):
                if (read := _read(text)) is not None:
                    facts[site] = SiteFacts(read[0], camera_states(streams, read[1], now_us))
        except LedgerUnavailableError:
            continue
        except (LedgerError, ValueError):
            logger.exception("raypp: facts of sites of ledger %s cannot be read; their pages say why", name)
            continue
    return facts


def _rows(ledgers: Ledgers, name: str, sites: Sequence[str]) -> Iterator[tuple[str | None, str, list[StreamStatus]]]:
    """Give the text of settings, the name and the streams of each site of a ledger."""
    with ledgers.named(name).ledger().database.read() as connection:
        for begin in range(0, len(sites), _AT_A_TIME):
            some = sites[begin : begin + _AT_A_TIME]
            streams: defaultdict[str, list[StreamStatus]] = defaultdict(list)
            for status in read_streams(connection, StreamRow.site.in_(some)):
                streams[status.stream.site].append(status)
            query = select(SiteRow.name, SiteRow.settings).where(SiteRow.name.in_(some))
            for row in connection.execute(query):
                yield row.settings, row.name, streams[row.name]


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str | None) -> tuple[str, float] | None:
    """Read the time zone of settings, and after how many seconds a camera is silent; None if they cannot be read."""
    try:
        settings = SiteSettings.default() if text is None else SiteSettings.parse(text, "settings of a site")
    except SettingsError:
        return None
    return settings.time_zone, settings.reap_after_s
