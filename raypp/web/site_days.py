"""What a page shows of some sites: read for all sites of a ledger in a few questions, in one moment of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from raypp.errors import SettingsError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.many_sites import ranges, settings_texts, versions
from raypp.ledger.sites import settings_of
from raypp.ledger.store import Ledger
from raypp.reports.cameras import CameraState, camera_states
from raypp.reports.period import DAY_US, Period, day_of
from raypp.reports.records import Recorded, latest_of, newest_said, recorded_once
from raypp.usage.settings import SiteSettings
from raypp.web.site_facts import by_ledger, streams_of

_AT_A_TIME = 16
"""Sites whose uses of a day are held at a time."""


@dataclass(frozen=True, slots=True)
class SitePresent:
    """How a site is doing.

    Attributes:
        settings: its present settings.
        cameras: how they are doing.
        newest_us: event time of its latest frame, none of the future; None without any.
        version: what `Ledger.version` returns; empty where it was not read.
    """

    settings: SiteSettings
    cameras: tuple[CameraState, ...]
    newest_us: int | None
    version: tuple[tuple[object, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class SiteDay:
    """How a site is doing, and its latest day; None where it has no frames."""

    present: SitePresent
    recorded: Recorded | None


def read_presents(
    ledgers: Ledgers, ledger_of: Mapping[str, str], sites: Sequence[str], now_us: int
) -> dict[str, SitePresent]:
    """Read how sites are doing, with their versions, see `by_ledger`; without those that have frames of the future."""
    return by_ledger(ledgers, ledger_of, sites, partial(_presents_in, now_us=now_us))


def read_days(ledgers: Ledgers, ledger_of: Mapping[str, str], sites: Sequence[str], now_us: int) -> dict[str, SiteDay]:
    """Read the latest day of sites as `reports.records.latest` does, likewise."""
    return by_ledger(ledgers, ledger_of, sites, partial(_days_in, now_us=now_us))


def _presents_in(ledger: Ledger, sites: Sequence[str], now_us: int) -> dict[str, SitePresent]:
    with ledger.database.read() as connection:
        return _presents(connection, sites, now_us, versions(connection, sites))


def _days_in(ledger: Ledger, sites: Sequence[str], now_us: int) -> dict[str, SiteDay]:
    days: dict[str, SiteDay] = {}
    with ledger.database.read() as connection:
        presents = _presents(connection, sites, now_us, {})
        by_day: defaultdict[Period, list[str]] = defaultdict(list)
        for site, present in presents.items():
            if present.newest_us is None:
                days[site] = SiteDay(present, None)
            else:
                by_day[day_of(present.newest_us, present.settings.zone)].append(site)
        for day, names in by_day.items():
            for begin in range(0, len(names), _AT_A_TIME):
                some = names[begin : begin + _AT_A_TIME]
                for site, within in ranges(connection, some, day.from_us, day.to_us).items():
                    present = presents[site]
                    whole = Recorded(site, present.settings, day, within.episodes, within.stretches, present.cameras)
                    days[site] = SiteDay(present, latest_of(recorded_once(whole), present.newest_us or 0, now_us))
    return days


def _presents(
    connection: Connection,
    sites: Sequence[str],
    now_us: int,
    known: Mapping[str, tuple[tuple[object, ...], ...]],
) -> dict[str, SitePresent]:
    streams = streams_of(connection, sites)
    presents: dict[str, SitePresent] = {}
    for site, text in settings_texts(connection, sites).items():
        try:
            settings = settings_of(site, text)
        except SettingsError:
            continue
        cameras = camera_states(streams.get(site, ()), settings.reap_after_s, now_us)
        newest_us = newest_said(cameras)
        if newest_us is None or newest_us <= now_us + DAY_US:
            presents[site] = SitePresent(settings, cameras, newest_us, known.get(site, ()))
    return presents
