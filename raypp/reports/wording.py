"""Durations, shares and times as people read them."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from raypp.reports.period import SECOND_US, Period
from raypp.usage.report import SiteReport
from raypp.usage.shifts import local

_MOST_OVERLAPS = 5
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(length_us: float) -> str:
    """Return a length of time in microseconds, such as `4.2 s`, `3 min 05 s`, `2 h 07 min` or `3 d 04 h`."""
    seconds = length_us / SECOND_US
    if seconds < _MINUTE - 0.05:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    minutes = round(seconds / _MINUTE)
    if minutes < _DAY // _MINUTE:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(seconds / _HOUR)
    return f"{hours // 24} d {hours % 24:02} h"


def seconds(length_s: float | None) -> str:
    """Return a length of time in seconds likewise; a dash for None."""
    return "-" if length_s is None else duration(length_s * SECOND_US)


def pause(length_s: float) -> str:
    """Return the pause between two uses; `overlaps` where the second begins before the first ends."""
    return seconds(length_s) if length_s > 0 else "overlaps"


def overlaps(report: SiteReport, zone: ZoneInfo) -> list[str]:
    """Return a sentence on each time that several streams of a camera saw, and that is counted once; the first few."""
    sentences = [
        f"two streams of {overlap.camera} overlap, {until(Period(overlap.start_us, overlap.end_us), zone)}: "
        f"uses of the later one ({overlap.stream_epoch}) are left out"
        for overlap in report.overlaps[:_MOST_OVERLAPS]
    ]
    more = len(report.overlaps) - len(sentences)
    return [*sentences, f"and {more} more"] if more else sentences


def until(period: Period, zone: ZoneInfo) -> str:
    """Return a period, such as `Mon 2 Mar 2026, 13:50:00 to 14:10:00`; with both days where it has two."""
    start, end = local(period.from_us, zone), local(period.to_us, zone)
    last = f"{end:%H:%M:%S}" if start.date() == end.date() else date_and_clock(period.to_us, zone)
    return f"{date_and_clock(period.from_us, zone)} to {last}"


def percentage(part: float | None) -> str:
    """Return a share, 0 to 1, such as `37 %`; `0 %` and `100 %` only where exact: little never reads as nothing."""
    if part is None:
        return "-"
    if 0 < part < 0.01:
        return "< 1 %"
    if 0.99 < part < 1:
        return "> 99 %"
    return f"{part:.0%}".replace("%", " %")


def rule_words(kind: str, item: str) -> str:
    """Return what is violated, such as `helmet not worn` or `most people`."""
    return f"{item} {kind.replace('_', ' ')}".strip()


def clock(moment_us: int, zone: ZoneInfo) -> str:
    """Return the time of day, such as `14:03:07`, on the site's clocks."""
    return local(moment_us, zone).strftime("%H:%M:%S")


def date_and_clock(moment_us: int, zone: ZoneInfo) -> str:
    """Return day and time, such as `Mon 2 Mar 2026, 14:03:07`."""
    return f"{date_words(local(moment_us, zone))}, {clock(moment_us, zone)}"


def date_words(when: datetime) -> str:
    """Return the day, such as `Mon 2 Mar 2026`."""
    return f"{when:%a} {when.day} {when:%b %Y}"


def iso(moment_us: int, zone: ZoneInfo) -> str:
    """Return ISO 8601 with the zone's offset, to the microsecond where there are any."""
    return local(moment_us, zone).isoformat()


def ago(moment_us: int, now_us: int) -> str:
    """Return how long ago it was, such as `12 s ago`; `just now` below two seconds."""
    seconds = (now_us - moment_us) // SECOND_US
    if seconds < 2:
        return "just now"
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def first_few(items: Sequence[str], rest: str, most: int = 3) -> tuple[str, ...]:
    """Return the first of several items, and how many are left, such as `4 more silent`."""
    left = len(items) - most
    return (*items[:most], f"{left} {rest}") if left > 0 else tuple(items)
