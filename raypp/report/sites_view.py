"""The first page: every site that the reader may see, how it is doing, and its latest day as one line."""

from collections.abc import Sequence
from urllib.parse import quote

from raypp.ledger.store import Ledger
from raypp.ledger.values import StreamStatus
from raypp.report.chart import chart_of
from raypp.report.html import Html, element
from raypp.report.lanes import strip
from raypp.report.layout import document, empty
from raypp.report.period import SECOND_US
from raypp.report.records import Recorded, latest
from raypp.report.wording import count, date_and_clock, date_words, duration, iso
from raypp.usage.shifts import local

_STEPS = 400


def sites_page(ledger: Ledger, sites: Sequence[str], now_us: int) -> str:
    """Show sites, each with a link to its page."""
    cards = [_card(ledger, site, now_us) for site in sites]
    heading = element(
        "div",
        element("div", element("h1", "Sites"), element("p", count(len(sites), "site"), class_="sub")),
        class_="top",
    )
    if cards:
        body = element("ul", *cards, class_="sites")
    else:
        body = empty("No sites yet", "Register one with ", element("code", "raypp site add NAME"), ".")
    return document("Sites · raypp", [("Sites", "/")], heading, body)


def site_address(site: str) -> str:
    """Address of a site's page."""
    return f"/sites/{quote(site, safe='')}"


def state_badge(streams: Sequence[StreamStatus], reap_after_s: float, now_us: int) -> Html:
    """Say whether frames are coming in."""
    words, look = _state(streams, reap_after_s, now_us)
    return element("span", words, class_=f"badge {look}".strip())


def site_state(ledger: Ledger, site: str, now_us: int) -> dict[str, object]:
    """A site as JSON: name, time_zone, state, cameras, last_frame and last_frame_us."""
    settings, streams = ledger.present_settings(site), ledger.streams(site)
    newest = max((one.newest_us for one in streams if one.newest_us is not None), default=None)
    return {
        "name": site,
        "time_zone": settings.time_zone,
        "state": _state(streams, settings.reap_after_s, now_us)[0],
        "cameras": sorted({one.stream.camera for one in streams}),
        "last_frame": None if newest is None else iso(newest, settings.zone),
        "last_frame_us": newest,
    }


def _state(streams: Sequence[StreamStatus], reap_after_s: float, now_us: int) -> tuple[str, str]:
    latest_of = {one.stream.camera: one for one in streams}  # by epoch: the last one counts
    going = [one for one in latest_of.values() if not one.ended]
    if not streams:
        return "no frames yet", ""
    if not going:
        return "ended", ""
    quiet = [one for one in going if one.silent or now_us - one.active_us > reap_after_s * SECOND_US]
    if not quiet:
        return "receiving", "good"
    if len(quiet) < len(going):
        return f"{len(quiet)} of {count(len(going), 'camera')} silent", "warn"
    return "silent", "warn"


def _card(ledger: Ledger, site: str, now_us: int) -> Html:
    settings = ledger.present_settings(site)
    streams = ledger.streams(site)
    cameras = {one.stream.camera for one in streams}
    title = element("div", element("h2", site), state_badge(streams, settings.reap_after_s, now_us), class_="row")
    found = latest(ledger, site, settings, now_us, streams)
    if found is None:
        body = [element("p", "No camera has sent a frame yet.")]
    else:
        body = _latest(found, len(cameras), max(one.newest_us or 0 for one in streams))
    return element("li", element("a", title, *body, href=site_address(site), class_="card"), data_site=site)


def _latest(found: Recorded, cameras: int, newest_us: int) -> list[Html]:
    zone, report = found.settings.zone, found.report()
    uses = sum(one.episodes for one in report.tools)
    total = sum(one.states.used_s for one in report.tools)
    open_now = sum(lane.open for lane in report.lanes)
    day = date_words(local(found.period.from_us, zone))
    chart = chart_of(report, zone, found.episodes, found.stretches, _STEPS)
    return [
        strip(chart),
        element("p", day, element("span", f"{count(uses, 'use')}, {duration(total * 1e6)}"), class_="row"),
        element("p", f"{count(cameras, 'camera')} · last frame {date_and_clock(newest_us, zone)}"),
        element("p", element("span", f"{open_now} in use now", class_="badge good")) if open_now else Html(""),
    ]
