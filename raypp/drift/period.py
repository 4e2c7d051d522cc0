"""Periods: what a camera's frames are cut into, so that each can be compared with others of its kind."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from raypp.drift.period_kind import PeriodKind
from raypp.usage.shifts import local


def period_of(kind: PeriodKind, at_us: int, zone: ZoneInfo) -> str:
    """Name the day or hour of a moment at the site, such as "2026-03-02" and "2026-03-02T14".

    Args:
        kind: day or hour.
        at_us: the moment, microseconds since 1970.
        zone: of the site.
    """
    return local(at_us, zone).strftime("%Y-%m-%d" if kind is PeriodKind.DAY else "%Y-%m-%dT%H")


def hour_of(at_us: int, zone: ZoneInfo) -> int:
    """Return the hour of the day of a moment at the site."""
    return local(at_us, zone).hour


def midnight_us(date: str, zone: ZoneInfo) -> int:
    """Return when a day begins at the site, microseconds since 1970; raises ValueError for what is no date."""
    begun = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=zone)
    return round(begun.astimezone(UTC).timestamp() * 1e6)
