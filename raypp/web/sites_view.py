"""The first page: every site that the reader may see, how it is doing, and its latest day as one line."""

import logging
from collections.abc import Sequence
from urllib.parse import quote

from raypp.errors import LedgerError, LedgerUnavailableError, RayppError
from raypp.io.wording import counted
from raypp.ledger.store import Ledger
from raypp.reports.cameras import CameraState
from raypp.reports.chart import chart_of
from raypp.reports.records import Recorded, cameras_of, latest, newest_frame
from raypp.reports.wording import date_and_clock, date_words, duration, iso
from raypp.usage.shifts import local
from raypp.web.html import Html, element, join
from raypp.web.lanes import strip
from raypp.web.layout import document, empty

_STEPS = 400
PAGE_SITES = 50

logger = logging.getLogger("ray.serve")


def sites_page(ledger: Ledger, sites: Sequence[str], now_us: int, page: int = 1) -> str:
    """Show sites, each with a link to its page; as many at a time as a page takes a moment for."""
    pages = max(1, -(-len(sites) // PAGE_SITES))
    page = min(page, pages)
    shown = sites[(page - 1) * PAGE_SITES : page * PAGE_SITES]
    cards = [_card_or_reason(ledger, site, now_us) for site in shown]
    heading = element(
        "div",
        element("div", element("h1", "Sites"), element("p", counted(len(sites), "site"), class_="sub")),
        class_="top",
    )
    if cards:
        body = join(element("ul", *cards, class_="sites"), _pages(page, pages) if pages > 1 else None)
    else:
        body = empty("No sites yet", "Register one with ", element("code", "raypp site add NAME"), ".")
    return document("Sites · raypp", [("Sites", "/")], heading, body)


def _pages(page: int, pages: int) -> Html:
    links = [
        element("a", words, href=f"/?page={to}", class_="chip")
        for words, to in (("\u2039 Before", page - 1), ("After \u203a", page + 1))
        if 1 <= to <= pages
    ]
    where = element("span", f"Page {page} of {pages}", class_="badge")
    return element("nav", where, *links, class_="pages", aria_label="Pages")


def site_address(site: str) -> str:
    """Address of a site's page."""
    return f"/sites/{quote(site, safe='')}"


def state_badge(cameras: Sequence[CameraState]) -> Html:
    """Say whether frames are coming in."""
    words, look = _state(cameras)
    return element("span", words, class_=f"badge {look}".strip())


def site_state(ledger: Ledger, site: str, now_us: int) -> dict[str, object]:
    """A site as JSON: name, time_zone, state, cameras, last_frame and last_frame_us; or its name and an error."""
    try:
        return _site_state(ledger, site, now_us)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other sites are shown
        return {"name": site, "error": reason(site, error)}


def _site_state(ledger: Ledger, site: str, now_us: int) -> dict[str, object]:
    settings = ledger.present_settings(site)
    cameras = cameras_of(ledger, site, settings, now_us)
    newest = newest_frame(ledger, site, cameras, now_us)
    return {
        "name": site,
        "time_zone": settings.time_zone,
        "state": _state(cameras)[0],
        "cameras": [one.camera for one in cameras],
        "last_frame": None if newest is None else iso(newest, settings.zone),
        "last_frame_us": newest,
    }


def _state(cameras: Sequence[CameraState]) -> tuple[str, str]:
    going = [one for one in cameras if not one.ended]
    if not cameras:
        return "no frames yet", ""
    if not going:
        return "ended", ""
    quiet = [one for one in going if one.quiet]
    if not quiet:
        return "receiving", "good"
    if len(quiet) < len(going):
        return f"{len(quiet)} of {counted(len(going), 'camera')} silent", "warn"
    return "silent", "warn"


def _card_or_reason(ledger: Ledger, site: str, now_us: int) -> Html:
    """One site's card, or why there is none: what is wrong with one site is not with the others."""
    try:
        return _card(ledger, site, now_us)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other sites are shown
        badge = element("span", "cannot be shown", class_="badge warn")
        title = element("div", element("h2", site), badge, class_="row")
        words = element("p", reason(site, error))
        return element("li", element("a", title, words, href=site_address(site), class_="card"), data_site=site)


def reason(site: str, error: Exception) -> str:
    """Why a site cannot be shown, for its readers; what is no error of ours is for the log.

    Raises:
        LedgerUnavailableError: as it is: no other site can be read either.
    """
    if isinstance(error, LedgerUnavailableError):
        raise error
    if isinstance(error, RayppError) and not isinstance(error, LedgerError):  # whose text names the database
        return str(error)
    logger.error("raypp: site %s cannot be shown", site, exc_info=error)
    return "it cannot be read; the service's log says why"


def _card(ledger: Ledger, site: str, now_us: int) -> Html:
    settings = ledger.present_settings(site)
    cameras = cameras_of(ledger, site, settings, now_us)
    title = element("div", element("h2", site), state_badge(cameras), class_="row")
    found = latest(ledger, site, settings, now_us, cameras)
    if found is None:
        body = [element("p", "No camera has sent a frame yet.")]
    else:
        body = _latest(found, len(cameras), newest_frame(ledger, site, cameras, now_us) or 0)
    return element("li", element("a", title, *body, href=site_address(site), class_="card"), data_site=site)


def _latest(found: Recorded, cameras: int, newest_us: int) -> list[Html]:
    zone, report = found.settings.zone, found.report()
    uses = sum(one.episodes for one in report.tools)
    total = sum(one.states.used_s for one in report.tools)
    open_now = sum(lane.open for lane in report.lanes)
    day = date_words(local(found.period.from_us, zone))
    chart = chart_of(report, zone, found.episodes, found.stretches, _STEPS, found.colours)
    return [
        strip(chart),
        element("p", day, element("span", f"{counted(uses, 'use')}, {duration(total * 1e6)}"), class_="row"),
        element("p", f"{counted(cameras, 'camera')} · last frame {date_and_clock(newest_us, zone)}"),
        element("p", element("span", f"{open_now} in use now", class_="badge good")) if open_now else Html(""),
    ]
