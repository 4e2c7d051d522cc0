"""What many sites of one ledger have, read in a few questions rather than a few for each site."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from raypp.ledger.queries import read_stretches, read_uses, read_versions
from raypp.ledger.reach import reaching_into
from raypp.ledger.tables import EpisodeRow, SiteRow, StreamRow, StretchRow
from raypp.ledger.whereabouts import sites_away
from raypp.usage.episode import StreamName, Stretch
from raypp.usage.episodes import EpisodeFields, Episodes

_NOTHING = Episodes.of(())


@dataclass(frozen=True, slots=True)
class SiteRange:
    """Hold what a site has in a range of event time.

    Attributes:
        episodes: that reach into it, by start and then id.
        stretches: likewise, by camera, epoch and start.
    """

    episodes: Episodes
    stretches: tuple[Stretch, ...]


def settings_texts(connection: Connection, sites: Sequence[str]) -> dict[str, str | None]:
    """Return the text of each site's settings, None for the default ones; without sites that another ledger has."""
    away = sites_away(connection)
    query = select(SiteRow.name, SiteRow.settings).where(SiteRow.name.in_(sites))
    return {name: text for name, text in connection.execute(query) if name not in away}


def versions(connection: Connection, sites: Sequence[str]) -> dict[str, tuple[tuple[object, ...], ...]]:
    """Return of each site what `Ledger.version` does."""
    rows: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)
    for row in read_versions(connection, StreamRow.site.in_(sites)):
        rows[row[0]].append(row[1:])
    return {site: tuple(rows[site]) for site in sites}


def ranges(connection: Connection, sites: Sequence[str], from_us: int, to_us: int) -> dict[str, SiteRange]:
    """Return what each site has in [from_us, to_us), as `Ledger.episode_columns` and `Ledger.stretches` give it."""
    query = select(StreamRow.stream_id, StreamRow.site, StreamRow.camera, StreamRow.epoch)
    rows = connection.execute(query.where(StreamRow.site.in_(sites)))
    streams = {row.stream_id: StreamName(row.site, row.camera, row.epoch) for row in rows}
    uses: defaultdict[str, list[list[EpisodeFields]]] = defaultdict(list)
    for part in read_uses(connection, streams, reaching_into(EpisodeRow, sites, from_us, to_us), None):
        by_site: defaultdict[str, list[EpisodeFields]] = defaultdict(list)
        for fields in part:
            by_site[fields[1].site].append(fields)
        for site, some in by_site.items():
            uses[site].append(some)
    stretches: defaultdict[str, list[Stretch]] = defaultdict(list)
    for stretch in read_stretches(connection, *reaching_into(StretchRow, sites, from_us, to_us)):
        stretches[stretch.stream.site].append(stretch)
    return {
        site: SiteRange(Episodes.gathered(uses[site]) if site in uses else _NOTHING, tuple(stretches[site]))
        for site in sites
    }
