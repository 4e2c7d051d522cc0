"""What is wanted of a ledger: one site's records in a period, of some cameras and tools."""

import time
from dataclasses import replace

from raypp.errors import OptionError, UnknownSiteError
from raypp.ledger.store import Ledger
from raypp.reports.losses import read_losses
from raypp.reports.period import day_of, read_period
from raypp.reports.records import Recorded, cameras_of, latest, newest_frame, read
from raypp.reports.wording import date_and_clock, date_words
from raypp.usage.episodes import Episodes
from raypp.usage.shifts import local

_MOST_NAMED = 20


def read_report(
    ledger: Ledger,
    site: str,
    from_text: str | None = None,
    to_text: str | None = None,
    cameras: tuple[str, ...] = (),
    tools: tuple[str, ...] = (),
) -> Recorded:
    """Read what a ledger holds of one site in a period.

    Args:
        ledger: the ledger.
        site: name of the site.
        from_text: today, yesterday, a day or an ISO time, on the site's clocks; None for the latest day with frames.
        to_text: likewise; a day is meant up to its end.
        cameras: only these; empty for all.
        tools: only these; empty for all.

    Raises:
        UnknownSiteError: naming the sites there are.
        OptionError: for a time, camera or tool that is none.
    """
    try:
        settings = ledger.present_settings(site)
    except UnknownSiteError:
        known = _some([item.name for item in ledger.sites()])
        known = f"known: {known}" if known else "none is registered"
        raise UnknownSiteError(f"there is no site {site[:100]!r} in this ledger; {known}") from None
    now_us = time.time_ns() // 1000
    period = read_period(from_text, to_text, settings.zone, now_us)
    if period is not None:
        recorded = read(ledger, site, settings, period, now_us)
    else:
        today = day_of(now_us, settings.zone).until(now_us)
        empty = Recorded(site, settings, today, Episodes.of(()), (), cameras_of(ledger, site, settings, now_us))
        recorded = latest(ledger, site, settings, now_us) or empty
    recorded = replace(recorded, losses=read_losses(ledger, site, recorded.period.from_us))
    return _only(recorded, cameras, tools)


def nothing_words(ledger: Ledger, recorded: Recorded) -> str:
    """Word that a period is empty, and when there was something."""
    zone, site = recorded.settings.zone, recorded.site
    period = (
        f"{date_and_clock(recorded.period.from_us, zone)} to {date_and_clock(recorded.period.to_us, zone)} ({zone.key})"
    )
    words = f"{site}: nothing was recorded from {period}; coverage 0 %"
    newest = newest_frame(ledger, site, recorded.cameras, time.time_ns() // 1000)
    if newest is None:
        return f"{words}; no camera has sent a frame yet"
    day = local(newest, zone)
    return f"{words}\nlatest day with frames: {date_words(day)} (`from_` {day.date()})"


def _only(recorded: Recorded, cameras: tuple[str, ...], tools: tuple[str, ...]) -> Recorded:
    """Keep some cameras and tools, also of the settings, whose other lanes would read as not used."""
    if cameras:
        seen = recorded.episodes.cameras | {item.stream.camera for item in recorded.stretches}
        _check("cameras", cameras, seen | set(recorded.settings.cameras), recorded)
    if tools:
        known = recorded.episodes.tools | {item.tool for item in recorded.settings.tools}
        _check("tools", tools, known, recorded)
    return recorded.only(cameras, tools)


def _check(field: str, wanted: tuple[str, ...], known: set[str], recorded: Recorded) -> None:
    for name in wanted:
        if name not in known:
            names = _some(sorted(known)) or "none"
            raise OptionError(
                f"`{field}` {name!r}: {recorded.site} has none of that name in this range; known: {names}"
            )


def _some(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
