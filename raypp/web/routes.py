"""The read-only page: sites, a site's timeline and its uses, and the same as JSON."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from raypp.errors import (
    ForbiddenError,
    LedgerError,
    LedgerUnavailableError,
    OptionError,
    RayppError,
    UnauthenticatedError,
    UnknownSiteError,
)
from raypp.ledger.identity import Identities, Principal
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.store import Ledger
from raypp.ledger.types import page_after
from raypp.reports.episode_record import episode_record, episodes_csv
from raypp.reports.period import DAY_US, read_period
from raypp.reports.records import MOST_DAYS as REPORT_DAYS
from raypp.reports.records import MOST_EPISODES, Recorded, cameras_of, latest, newest_frame, read, read_sight
from raypp.reports.safety import safety_of
from raypp.reports.safety_totals import site_rules
from raypp.web.assets import FAVICON
from raypp.web.execution_reports import ExecutionReports
from raypp.web.executions_page import ExecutionPage, ExecutionsPage, execution_page, executions_page
from raypp.web.freshness import MadePages, page_tag
from raypp.web.licence import licence_text, source_page
from raypp.web.request import PageRequest, PageResponse, data, file, html, problem, unchanged
from raypp.web.safety_page import MOST_VIOLATIONS, safety_page
from raypp.web.site_heading import SiteView
from raypp.web.site_page import episodes_page, site_page
from raypp.web.sites_page import KnownSites, shown_sites, site_states, sites_page

PAGE_DAYS = 31
"""How long a period the page shows; `raypp report` and GetSiteReport have a longer one."""
_LARGEST_PAGE = 1000
_DEFAULT_EPISODES = 100
_WRONG = "Something is wrong"
_OK, _ACCEPTED = 200, 202

logger = logging.getLogger("ray.serve")


Maker = Callable[[PageRequest, Principal, int], PageResponse]
"""Makes the answer to a request of a reader at a moment, as `make` does."""


def respond(
    request: PageRequest,
    ledger: Ledger | Ledgers,
    identities: Identities,
    now_us: int,
    source_url: str | None = None,
    pages: MadePages | None = None,
    maker: Maker | None = None,
) -> PageResponse:
    """Answer a request; never raises for what a request holds, and changes nothing.

    The password of HTTP Basic, or a bearer, is a token: an operator's sees all sites, a site's its own. Addresses:
    `/`, `/sites/NAME`, `/sites/NAME/episodes`, `/sites/NAME/safety`, `/sites/NAME/executions`,
    `/sites/NAME/executions/ID`, `/api/sites`, `/api/sites/NAME/report`, `/api/sites/NAME/episodes`,
    `/api/sites/NAME/episodes.csv`; docs/how-to/report.md documents them. `/source` and `/licence` need no token.
    Where pages are kept, what a browser has already, by its ETag, is not made, nor sent again.

    Args:
        request: what a browser asks for.
        ledger: what it is read from, or all that sites may be in.
        identities: who may read.
        now_us: the present, microseconds since 1970.
        source_url: where the service's source is.
        pages: those made before; None: each is made anew.
        maker: makes a page, maybe elsewhere; None: here.
    """
    if request.method not in {"GET", "HEAD"}:
        return problem(request, 405, "Read only", "this page only reads; use GET", Allow="GET, HEAD")
    if request.path == "/favicon.svg":
        answer = file(FAVICON.encode(), "image/svg+xml")
    else:
        try:
            answer = _open_to_all(request, source_url) or _answer(
                request, Ledgers.around(ledger), identities, now_us, pages, maker
            )
        except Exception:
            logger.exception("raypp: the page %s could not be made", request.path[:200])
            answer = problem(request, 500, _WRONG, "this page cannot be made; the service's log says why")
    return replace(answer, body=b"") if request.method == "HEAD" else answer


def _open_to_all(request: PageRequest, source_url: str | None) -> PageResponse | None:
    """Answer with what needs no token; None for any other address."""
    if request.path == "/licence":
        return file(licence_text().encode(), "text/plain; charset=utf-8")
    if request.path == "/source":
        return html(source_page(source_url))
    return None


def _answer(
    request: PageRequest,
    ledgers: Ledgers,
    identities: Identities,
    now_us: int,
    pages: MadePages | None,
    maker: Maker | None,
) -> PageResponse:
    try:
        reader = identities.check(request.token())
    except UnauthenticatedError as error:
        words = f"{error}. Any user name will do; the password is the token."
        challenge = 'Basic realm="raypp", charset="UTF-8"'
        return problem(request, 401, "Who are you?", words, WWW_Authenticate=challenge)
    except LedgerError as error:
        return _refused(request, error)
    tag = _tag(request, ledgers, reader, now_us) if pages else None
    if tag and tag in request.headers.get("if-none-match", ""):
        return replace(unchanged(tag), reader=reader)
    answer = pages.get(tag) if pages and tag else None
    if answer is None:
        answer = (maker or partial(make, ledgers))(request, reader, now_us)
        if pages and tag and answer.status == _OK:
            answer = replace(answer, headers=answer.headers | {"ETag": tag})
            pages.keep(tag, answer)
    return replace(answer, reader=reader)


def make(
    ledger: Ledger | Ledgers,
    request: PageRequest,
    reader: Principal,
    now_us: int,
    executions: ExecutionReports | None = None,
) -> PageResponse:
    """Make the answer to a request whose reader is known.

    Args:
        ledger: what it is read from, or all that sites may be in.
        request: what a browser asks for.
        reader: whose token it bears.
        now_us: the present, microseconds since 1970.
        executions: judges executions; None: here, however long it takes.
    """
    try:
        ledgers = Ledgers.around(ledger)
        return _route(request, ledgers, reader, now_us, executions or ExecutionReports(ledgers, None))
    except RayppError as error:
        return _refused(request, error)


def site_of(path: str) -> str | None:
    """Return the site that a page is of; None for a page of all sites."""
    match path.split("/")[1:]:
        case ["sites", site, *_] | ["api", "sites", site, *_]:
            return site
    return None


def is_of_executions(path: str) -> bool:
    """Say whether a page shows executions, which may take seconds to judge."""
    match path.split("/")[1:]:
        case ["sites", _, "executions"] | ["sites", _, "executions", _]:
            return True
    return False


def _tag(request: PageRequest, ledgers: Ledgers, reader: Principal, now_us: int) -> str | None:
    """Return the tag of a page that is the same until its sites change; None for any other."""
    try:
        match request.path.split("/")[1:]:
            case [""]:
                number = _number("page", request.parameters().get("page"), 1, 1_000_000)
                known = _known(ledgers, reader)
                shown = shown_sites(known.names, number)
                return page_tag(request, ledgers, shown, now_us, (*known.names, known.is_whole))
            case (
                ["sites", site]
                | ["sites", site, "episodes" | "safety" | "executions"]
                | ["sites", site, "executions", _]
                | ["api", "sites", site, "report" | "episodes.csv"]
            ):
                reader.may_read(site)
                return page_tag(request, ledgers, [site], now_us)
    except Exception:  # noqa: BLE001 - whatever it is, the page says so, and shows what it can
        return None
    return None


def _refused(request: PageRequest, error: RayppError) -> PageResponse:
    if isinstance(error, UnknownSiteError):
        return problem(request, 404, "No such site", str(error))
    if isinstance(error, LedgerError):  # its text names the database, which is no reader's business
        if not isinstance(error, LedgerUnavailableError):
            return problem(request, 500, _WRONG, "the ledger cannot be read; its operator's log says why")
        words = "the ledger cannot be reached just now; try again in a moment"
        return problem(request, 503, "One moment", words, Retry_After="5")
    status, headline = next(answer for kind, answer in _PROBLEMS.items() if isinstance(error, kind))
    words = str(error).replace("`from_`", "`from`")  # its name in an address; Python has the word for itself
    return problem(request, status, headline, words)


_PROBLEMS: dict[type[RayppError], tuple[int, str]] = {
    ForbiddenError: (403, "Not yours to see"),
    OptionError: (400, "That does not make sense"),
    RayppError: (500, _WRONG),
}


def _route(
    request: PageRequest, ledgers: Ledgers, reader: Principal, now_us: int, executions: ExecutionReports
) -> PageResponse:
    parts = request.path.split("/")[1:]
    query = request.parameters()
    match parts:
        case [""]:
            number = _number("page", query.get("page"), 1, 1_000_000)
            return html(sites_page(ledgers, _known(ledgers, reader), now_us, number))
        case ["api", "sites"]:
            known = _known(ledgers, reader)
            states = site_states(ledgers, known, now_us)
            return data({"sites": states} if known.is_whole else {"sites": states, "incomplete": True})
        case _:
            return _route_of_site(request, ledgers, reader, now_us, executions)


def _route_of_site(  # noqa: PLR0911 - likewise
    request: PageRequest, ledgers: Ledgers, reader: Principal, now_us: int, executions: ExecutionReports
) -> PageResponse:
    parts, query = request.path.split("/")[1:], request.parameters()
    site = site_of(request.path)
    if not site:
        return _nothing_here(request)
    reader.may_read(site)
    ledger = ledgers.of(site)
    match parts:
        case ["sites", _]:
            return html(site_page(_with_safety(ledger, _view(ledger, reader, site, query, now_us))))
        case ["sites", _, "safety"]:
            number = _number("page", query.get("page"), 1, 1_000_000)
            view = _with_safety(ledger, _view(ledger, reader, site, query, now_us, "safety"))
            return html(safety_page(ledger, view, query, number))
        case ["sites", _, "executions"]:
            number = _number("page", query.get("page"), 1, 1_000_000)
            view = _view(ledger, reader, site, query, now_us, "executions")
            return _compared(executions_page(view, executions, query, number))
        case ["sites", _, "executions", execution_id]:
            view = _view(ledger, reader, site, query, now_us, "executions")
            return _compared(execution_page(view, executions, execution_id))
        case ["sites", _, "episodes"]:
            number = _number("page", query.get("page"), 1, 1_000_000)
            return html(episodes_page(_view(ledger, reader, site, query, now_us), number))
        case ["api", "sites", _, "report"]:
            return _report(_view(ledger, reader, site, query, now_us))
        case ["api", "sites", _, "episodes"]:
            return _episodes(ledger, reader, site, query, now_us)
        case ["api", "sites", _, "episodes.csv"]:
            return _csv(_view(ledger, reader, site, query, now_us))
        case _:
            return _nothing_here(request)


def _nothing_here(request: PageRequest) -> PageResponse:
    return problem(request, 404, "Nothing here", "there is no such page; begin at /")


def _compared(page: ExecutionsPage | ExecutionPage) -> PageResponse:
    """Answer with executions; while they are being compared as accepted, so that nobody keeps the answer."""
    return html(page, _OK if page.is_fresh else _ACCEPTED)


def _known(ledgers: Ledgers, reader: Principal) -> KnownSites:
    if reader.site is not None:
        return KnownSites((reader.site,))
    listed = ledgers.site_list()
    return KnownSites(tuple(site.name for site in listed.sites), listed.ledger_of, is_whole=not listed.silent)


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
    limit = _number("limit", query.get("limit"), _DEFAULT_EPISODES, _LARGEST_PAGE)
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


def _number(name: str, text: str | None, default: int, most: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise OptionError(f"{name} {text[:20]!r} is out of range; give 1 to {most}")
    return int(text[:9])
