"""Pages of one site, and the same as JSON."""

from collections.abc import Mapping
from dataclasses import replace

from raypp.errors import OptionError
from raypp.ledger.identity import Principal
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.ledger.types import page_after
from raypp.reports.devices import list_devices
from raypp.reports.episode_record import episode_record, episodes_csv
from raypp.reports.period import DAY_US, read_period
from raypp.reports.records import MOST_DAYS as REPORT_DAYS
from raypp.reports.records import MOST_EPISODES, Recorded, cameras_of, latest, newest_frame, read, read_sight
from raypp.reports.safety import safety_of
from raypp.reports.safety_totals import site_rules
from raypp.web.addresses import site_of
from raypp.web.devices_page import devices_page
from raypp.web.execution_reports import ExecutionReports
from raypp.web.executions_page import ExecutionPage, ExecutionsPage, execution_page, executions_page
from raypp.web.request import PageRequest, PageResponse, data, file, html, problem, read_number
from raypp.web.safety_page import MOST_VIOLATIONS, safety_page
from raypp.web.site_heading import SiteView
from raypp.web.site_page import episodes_page, site_page

PAGE_DAYS = 31
"""How long a period the page shows; `raypp report` and GetSiteReport have a longer one."""
_LARGEST_PAGE = 1000
_DEFAULT_EPISODES = 100
_OK, _ACCEPTED = 200, 202


def route_of_site(  # noqa: PLR0911 - one for each address
    request: PageRequest, ledgers: Ledgers, reader: Principal, now_us: int, executions: ExecutionReports
) -> PageResponse:
    """Make the answer at an address of one site; raises RayppError for what cannot be shown."""
    parts, query = request.path.split("/")[1:], request.parameters()
    site = site_of(request.path)
    if not site:
        return nothing_here(request)
    reader.may_read(site)
    ledger = ledgers.of(site)
    match parts:
        case ["sites", _]:
            return html(site_page(_with_safety(ledger, _view(ledger, reader, site, query, now_us))))
        case ["sites", _, "safety"]:
            number = read_number("page", query.get("page"), 1, 1_000_000)
            view = _with_safety(ledger, _view(ledger, reader, site, query, now_us, "safety"))
            return html(safety_page(ledger, view, query, number))
        case ["sites", _, "executions"]:
            number = read_number("page", query.get("page"), 1, 1_000_000)
            view = _view(ledger, reader, site, query, now_us, "executions")
            return _compared(executions_page(view, executions, query, number))
        case ["sites", _, "executions", execution_id]:
            view = _view(ledger, reader, site, query, now_us, "executions")
            return _compared(execution_page(view, executions, execution_id))
        case ["sites", _, "devices"]:
            number = read_number("page", query.get("page"), 1, 1_000_000)
            return html(devices_page(list_devices(ledgers, now_us, site), now_us, number, site))
        case ["sites", _, "episodes"]:
            number = read_number("page", query.get("page"), 1, 1_000_000)
            return html(episodes_page(_view(ledger, reader, site, query, now_us), number))
        case ["api", "sites", _, "report"]:
            return _report(_view(ledger, reader, site, query, now_us))
        case ["api", "sites", _, "episodes"]:
            return _episodes(ledger, reader, site, query, now_us)
        case ["api", "sites", _, "episodes.csv"]:
            return _csv(_view(ledger, reader, site, query, now_us))
        case _:
            return nothing_here(request)


def nothing_here(request: PageRequest) -> PageResponse:
    """Answer at an address that no page has."""
    return problem(request, 404, "Nothing here", "there is no such page; begin at /")


def _compared(page: ExecutionsPage | ExecutionPage) -> PageResponse:
    """Answer with executions; while they are being compared as accepted, so that nobody keeps the answer."""
    return html(page, _OK if page.is_fresh else _ACCEPTED)


def _view(
    ledger: Ledger, reader: Principal, site: str, query: Mapping[str, str], now_us: int, part: str = ""
) -> SiteView:
    reader.may_read(site)
    settings = ledger.present_settings(site)
    period = read_period(query.get("from"), query.get("to"), settings.zone, now_us)
    cameras = cameras_of(ledger, site, settings, now_us)
    recorded: Recorded | None
    if period is None:
        recorded = latest(ledger, site, settings, now_us, cameras)
    else:
        if period.until(now_us).length_us > PAGE_DAYS * DAY_US:
            raise OptionError(f"the page shows at most {PAGE_DAYS} days at a time; `raypp report` shows {REPORT_DAYS}")
        if part:
            recorded = read_sight(ledger, site, settings, period, now_us, cameras)
        else:
            recorded = read(ledger, site, settings, period, now_us, cameras, MOST_EPISODES)
    newest = newest_frame(ledger, site, cameras, now_us)
    return SiteView(site, settings, cameras, newest, recorded, period is not None, now_us, part)


def _with_safety(ledger: Ledger, view: SiteView) -> SiteView:
    """Read violations and exposure, too; for the site's own page only where it has zones."""
    if view.recorded is None or not (view.part or site_rules(view.settings)):
        return view
    return replace(view, safety=safety_of(ledger, view.recorded, most=MOST_VIOLATIONS))


def _report(view: SiteView) -> PageResponse:
    if view.recorded is None:
        raise OptionError(f"site {view.site} has no frames yet; give from and to for a report without any")
    return data(view.recorded.report().model_dump_json())


def _csv(view: SiteView) -> PageResponse:
    episodes = view.recorded.episodes if view.recorded else ()
    text = episodes_csv(episodes, view.settings.zone)
    name = f'attachment; filename="{view.site}-episodes.csv"'
    return file(text.encode(), "text/csv; charset=utf-8", Content_Disposition=name)


def _episodes(ledger: Ledger, reader: Principal, site: str, query: Mapping[str, str], now_us: int) -> PageResponse:
    reader.may_read(site)
    zone = ledger.present_settings(site).zone
    limit = read_number("limit", query.get("limit"), _DEFAULT_EPISODES, _LARGEST_PAGE)
    period = read_period(query.get("from"), query.get("to"), zone, now_us)
    from_us, to_us = (period.from_us, period.to_us) if period else (0, 0)
    tools = (query["tool"],) if query.get("tool") else ()
    episodes = ledger.episodes(site, from_us, to_us, tools, query.get("page") or None, limit + 1)
    shown = episodes[:limit]
    return data(
        {
            "episodes": [episode_record(episode, zone).model_dump() for episode in shown],
            "next_page": page_after(shown[-1]) if len(episodes) > limit else None,
        }
    )
