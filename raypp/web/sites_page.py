"""The first page: every site that the reader may see, how it is doing, and its latest day as one line."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from zoneinfo import ZoneInfo

from raypp.errors import LedgerError, LedgerUnavailableError, RayppError
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.reports.chart import chart_of
from raypp.reports.period import DAY_US
from raypp.reports.records import Recorded, cameras_of, latest, newest_frame
from raypp.reports.wording import date_and_clock, date_words, duration, iso
from raypp.text.wording import counted
from raypp.usage.shifts import local
from raypp.web.addresses import site_address
from raypp.web.devices_page import DEVICES
from raypp.web.site_days import SiteDay, SitePresent, read_days
from raypp.web.site_facts import SiteFacts, read_facts
from raypp.web.site_heading import state_badge
from raypp.web.timeline import Strip, strip_of
from raypp.web.values import SITES, Badge, Chip, Notice, Page, Pager

_STEPS = 400
_NOT_WHOLE = ", and those of a ledger that cannot be reached just now"
PAGE_SITES = 50

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True, slots=True)
class KnownSites:
    """Names of the sites that a reader may see, and of the ledger of each, if known.

    They are not the whole while a ledger does not answer.
    """

    names: tuple[str, ...]
    ledger_of: Mapping[str, str] = field(default_factory=dict)
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class LatestDay:
    """The latest day of a site: drawn as one line, and in words."""

    strip: Strip
    day: str
    uses: str
    cameras: str
    open: int


@dataclass(frozen=True, slots=True)
class SiteCard:
    """One site.

    Attributes:
        site: its name.
        address: of its page.
        state: whether frames are coming in.
        latest: its latest day; None where it has no frames or cannot be shown.
        reason: why there is no latest day; empty where there is.
    """

    site: str
    address: str
    state: Badge
    latest: LatestDay | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SitesPage(Page):
    """Cards of sites; how many sites there are, in words; or a notice that there are none; a link to the devices."""

    template: ClassVar[str] = "raypp.web/sites.html"
    count: str
    cards: tuple[SiteCard, ...]
    notice: Notice
    pager: Pager
    devices: Chip


def sites_page(ledgers: Ledgers, known: KnownSites, now_us: int, page: int = 1) -> SitesPage:
    """Show sites, each with a link to its page; as many at a time as a page takes a moment for."""
    sites = known.names
    pages = max(1, -(-len(sites) // PAGE_SITES))
    page = min(page, pages)
    shown = shown_sites(sites, page)
    links = tuple(
        Chip(text, f"/?page={other}")
        for text, other in (("\u2039 Before", page - 1), ("After \u203a", page + 1))
        if 1 <= other <= pages
    )
    return SitesPage(
        "Sites · raypp",
        (SITES,),
        counted(len(sites), "site") + ("" if known.is_whole else _NOT_WHOLE),
        _cards(ledgers, known, shown, now_us),
        Notice("No sites yet", "Register one with ", "raypp site add NAME"),
        Pager(page, pages, links),
        Chip(DEVICES.name, DEVICES.address),
    )


def shown_sites(sites: Sequence[str], page: int) -> Sequence[str]:
    """Return those of all sites that a page shows."""
    page = min(page, max(1, -(-len(sites) // PAGE_SITES)))
    return sites[(page - 1) * PAGE_SITES : page * PAGE_SITES]


def site_states(ledgers: Ledgers, known: KnownSites, now_us: int) -> list[dict[str, object]]:
    """Return sites as JSON: name, time_zone, state, cameras, last_frame and last_frame_us; or name and error."""
    facts = read_facts(ledgers, known.ledger_of, known.names, now_us)
    return [_site_state_or_reason(ledgers, site, facts.get(site), now_us) for site in known.names]


def _site_state_or_reason(ledgers: Ledgers, site: str, facts: SiteFacts | None, now_us: int) -> dict[str, object]:
    try:
        if facts is None:
            facts = ledgers.ask(site, lambda ledger: _read_facts(ledger, site, now_us))
        return _site_state(ledgers, site, facts, now_us)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other sites are shown
        return {"name": site, "error": reason(site, error, alone=ledgers.only is not None)}


def _read_facts(ledger: Ledger, site: str, now_us: int) -> SiteFacts:
    settings = ledger.present_settings(site)
    return SiteFacts(settings.time_zone, cameras_of(ledger, site, settings, now_us))


def reason(site: str, error: Exception, *, alone: bool = True) -> str:
    """Return why a site cannot be shown, for its readers; what is no error of ours is for the log.

    Args:
        site: its name.
        error: what was raised.
        alone: whether there is one ledger, without which no other site can be read either.

    Raises:
        LedgerUnavailableError: as it is, if its ledger is alone.
    """
    if isinstance(error, LedgerUnavailableError):
        if alone:
            raise error
        return "its ledger cannot be reached just now."
    if isinstance(error, RayppError) and not isinstance(error, LedgerError):  # whose text names the database
        return str(error)
    logger.error("raypp: site %s cannot be shown", site, exc_info=error)
    return "it cannot be read; the service's log says why"


def _site_state(ledgers: Ledgers, site: str, facts: SiteFacts, now_us: int) -> dict[str, object]:
    cameras = facts.cameras
    newest = max((camera.newest_us for camera in cameras if camera.newest_us is not None), default=None)
    if newest is not None and newest > now_us + DAY_US:  # of the future
        newest = ledgers.ask(site, lambda ledger: newest_frame(ledger, site, cameras, now_us))
    return {
        "name": site,
        "time_zone": facts.time_zone,
        "state": state_badge(cameras).text,
        "cameras": [camera.camera for camera in cameras],
        "last_frame": None if newest is None else iso(newest, ZoneInfo(facts.time_zone)),
        "last_frame_us": newest,
    }


def _cards(ledgers: Ledgers, known: KnownSites, shown: Sequence[str], now_us: int) -> tuple[SiteCard, ...]:
    days = read_days(ledgers, known.ledger_of, shown, now_us)
    return tuple(_card_or_reason(ledgers, site, days.get(site), now_us) for site in shown)


def _card_or_reason(ledgers: Ledgers, site: str, day: SiteDay | None, now_us: int) -> SiteCard:
    """Return one site's card, or why there is none: what is wrong with one site is not with the others."""
    try:
        return _card(site, day or ledgers.ask(site, lambda ledger: _read_day(ledger, site, now_us)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the other sites are shown
        words = reason(site, error, alone=ledgers.only is not None)
        return SiteCard(site, site_address(site), Badge("cannot be shown", "warn"), None, words)


def _read_day(ledger: Ledger, site: str, now_us: int) -> SiteDay:
    settings = ledger.present_settings(site)
    cameras = cameras_of(ledger, site, settings, now_us)
    present = SitePresent(settings, cameras, newest_frame(ledger, site, cameras, now_us))
    return SiteDay(present, latest(ledger, site, settings, now_us, cameras))


def _card(site: str, day: SiteDay) -> SiteCard:
    cameras = day.present.cameras
    state = state_badge(cameras)
    if day.recorded is None:
        return SiteCard(site, site_address(site), state, None, "No camera has sent a frame yet.")
    shown = _latest(day.recorded, len(cameras), day.present.newest_us or 0)
    return SiteCard(site, site_address(site), state, shown)


def _latest(recorded: Recorded, cameras: int, newest_us: int) -> LatestDay:
    zone, report = recorded.settings.zone, recorded.figures().report
    uses = sum(tool.episodes for tool in report.tools)
    used_us = sum(tool.states.used_s for tool in report.tools) * 1e6
    chart = chart_of(report, zone, recorded.episodes, recorded.stretches, _STEPS, recorded.colours)
    return LatestDay(
        strip_of(chart),
        date_words(local(recorded.period.from_us, zone)),
        f"{counted(uses, 'use')}, {duration(used_us)}",
        f"{counted(cameras, 'camera')} · last frame {date_and_clock(newest_us, zone)}",
        sum(lane.open for lane in report.lanes),
    )
