"""Registered sites and their settings, by statement on an open connection."""

import json
from functools import lru_cache
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, func, select, update

from raypp.errors import LedgerError, SettingsError, UnknownSiteError
from raypp.io.problems import joined, nearest
from raypp.ledger.chunks import count_frames_of_chunks
from raypp.ledger.judged import watch_executions
from raypp.ledger.moves import AWAY, has_moves, hold_site, require_here
from raypp.ledger.outbox import stored_rules
from raypp.ledger.statements import put
from raypp.ledger.tables import HOUR_US, ChannelRow, ModelRow, MoveRow, SettingsRow, SiteRow, StreamRow, TermRow
from raypp.ledger.types import Site, checked_name
from raypp.usage.settings import NOT_FOLDED, SiteSettings

_MICROSECONDS = 1_000_000


def add_site(connection: Connection, name: str, now_us: int) -> bool:
    """Register a site, with default settings; return whether it is new."""
    default = SiteSettings.default()
    row = {
        "name": checked_name(name, "site"),
        "settings": None,
        "version": 0,
        "reap_after_us": _reap_after_us(default),
        "added_us": now_us,
    }
    return put(connection, SiteRow, [row]) == 1


def list_sites(connection: Connection) -> list[Site]:
    """All sites, by name."""
    query = select(SiteRow.name, SiteRow.version, SiteRow.added_us).order_by(SiteRow.name)
    if has_moves(connection):
        query = query.where(SiteRow.name.not_in(select(MoveRow.site).where(MoveRow.state.in_(AWAY))))
    return [Site(*row) for row in connection.execute(query)]


def site_settings(connection: Connection, site: str) -> tuple[str | None, int]:
    """Text and version of a site's settings; (None, 0) for the default ones. Raises UnknownSiteError."""
    row = connection.execute(select(SiteRow.settings, SiteRow.version).where(SiteRow.name == site)).one_or_none()
    if row is None:
        raise UnknownSiteError(f"site {site[:100]!r} is not registered; run `raypp site add`")
    require_here(connection, site)
    return row.settings, row.version


def configure(connection: Connection, site: str, text: str, *, unchecked: bool = False) -> int:
    """Give a site settings, and return their version; the same text again changes nothing.

    Args:
        connection: an open one.
        site: the site.
        text: the settings, YAML.
        unchecked: whether classes may be named that no model has had yet, and channels that no sender has.

    Raises:
        SettingsError: if the text is not valid, or names a class that no model of this ledger has, or a channel that
            none of its senders has.
        UnknownSiteError: if there is no such site.
    """
    settings = SiteSettings.parse(text, f"settings of site {site}")
    hold_site(connection, site)
    old, version = site_settings(connection, site)
    classes = known_classes(connection)
    unknown = (settings.unknown_classes(classes) if classes else ()) + _unknown_channels(connection, settings)
    if unknown and not unchecked:
        remedy = "`unchecked` takes classes of a model that is served later, and channels"
        raise SettingsError(joined(f"settings of site {site}", unknown, remedy))
    remember(connection, settings)
    if old == text:
        return version
    connection.execute(
        update(SiteRow)
        .where(SiteRow.name == site)
        .values(
            settings=text,
            version=SiteRow.version + 1,
            reap_after_us=_reap_after_us(settings),
            alerts=stored_rules(settings),
        )
    )
    watch_executions(connection, site, settings)
    return site_settings(connection, site)[1]


def known_classes(connection: Connection) -> frozenset[str]:
    """Classes of all models that have been asked for with this ledger."""
    lists = connection.execute(select(ModelRow.classes).distinct()).scalars()
    return frozenset(name for classes in lists for name in json.loads(classes))


def weighs_evidence(connection: Connection) -> bool:
    """Whether the model of the latest stream says how far its classes are to be believed; True without any stream."""
    query = select(ModelRow.reliabilities).join(StreamRow, StreamRow.model_key == ModelRow.model_key)
    latest = connection.execute(query.order_by(StreamRow.opened_us.desc()).limit(1)).one_or_none()
    return latest is None or latest.reliabilities is not None


def known_channels(connection: Connection) -> frozenset[str]:
    """Channels that senders of this ledger say they have; one that none has said for an hour is gone."""
    latest = select(func.max(ChannelRow.declared_us)).scalar_subquery()
    query = select(ChannelRow.channel).where(ChannelRow.declared_us >= latest - HOUR_US)
    return frozenset(connection.execute(query).scalars())


def frames_apart(connection: Connection, site: str) -> int:
    """How many kept frames of a site were folded with other settings than it has now."""
    settings_id = present_settings(connection, site).settings_id
    terms = (
        select(TermRow.stream_id, TermRow.from_sequence, TermRow.settings_id)
        .join(StreamRow, StreamRow.stream_id == TermRow.stream_id)
        .where(StreamRow.site == site)
        .order_by(TermRow.stream_id, TermRow.from_sequence)
    )
    frames = 0
    for stream_id, rows in groupby(connection.execute(terms), key=attrgetter("stream_id")):
        of_stream = list(rows)
        if all(row.settings_id == settings_id for row in of_stream):
            continue
        ends = [row.from_sequence for row in of_stream[1:]] + [None]
        for row, end in zip(of_stream, ends, strict=True):
            if row.settings_id != settings_id:
                frames += count_frames_of_chunks(connection, stream_id, row.from_sequence, end)
    return frames


def present_settings(connection: Connection, site: str) -> SiteSettings:
    """A site's settings, read; raises UnknownSiteError."""
    text, _ = site_settings(connection, site)
    return settings_of(site, text)


def settings_of(site: str, text: str | None) -> SiteSettings:
    """Read the text of a site's settings; raises SettingsError where a newer raypp wrote it."""
    return SiteSettings.default() if text is None else _read(text, f"settings of site {site}")


def remember(connection: Connection, settings: SiteSettings) -> None:
    """Keep settings by their id, so that whatever is folded with them can be folded again."""
    dumped = settings.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=NOT_FOLDED)
    document = json.dumps(dumped, sort_keys=True)
    put(connection, SettingsRow, [{"settings_id": settings.settings_id, "document": document}])


def recall(connection: Connection, settings_id: str) -> SiteSettings:
    """Settings by their id; raises LedgerError where they were never kept."""
    query = select(SettingsRow.document).where(SettingsRow.settings_id == settings_id)
    text = connection.execute(query).scalar_one_or_none()
    if text is None:
        raise LedgerError(f"settings {settings_id[:12]} are not in the ledger; call remember_settings before a commit")
    return _read(text, f"settings {settings_id[:12]}")


@lru_cache(maxsize=256)
def _read(text: str, where: str) -> SiteSettings:
    """Read settings; every stream that opens, and every page, asks for the same few."""
    return SiteSettings.parse(text, where)


def _unknown_channels(connection: Connection, settings: SiteSettings) -> tuple[str, ...]:
    """Say which alerts name a channel that no sender has; nothing where there was no sender yet."""
    known = known_channels(connection)
    return tuple(
        f"alert {rule.name}: there is no channel {name}; "
        + (f"did you mean {near}?" if (near := nearest(name, known)) else f"known: {', '.join(sorted(known))}")
        for rule in settings.alerts
        for name in rule.to
        if known and name not in known
    )


def _reap_after_us(settings: SiteSettings) -> int:
    return round(settings.reap_after_s * _MICROSECONDS)
