"""The read-only page: sites, a site's timeline and its uses, and the same as JSON."""

import logging
from collections.abc import Callable
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
from raypp.reports.devices import list_devices
from raypp.web.assets import FAVICON
from raypp.web.devices_page import devices_page
from raypp.web.execution_reports import ExecutionReports
from raypp.web.freshness import MadePages, page_tag
from raypp.web.licence import licence_text, source_page
from raypp.web.request import PageRequest, PageResponse, data, file, html, problem, read_number, unchanged
from raypp.web.site_routes import route_of_site
from raypp.web.sites_page import KnownSites, shown_sites, site_states, sites_page

_WRONG = "Something is wrong"
_OK = 200

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
    `/`, `/devices`, `/sites/NAME`, `/sites/NAME/episodes`, `/sites/NAME/safety`, `/sites/NAME/executions`,
    `/sites/NAME/executions/ID`, `/sites/NAME/devices`, `/api/sites`, `/api/devices`, `/api/sites/NAME/report`,
    `/api/sites/NAME/episodes`, `/api/sites/NAME/episodes.csv`; docs/how-to/report.md and docs/how-to/devices.md
    document them. `/source` and `/licence` need no token.
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
    answer = respond_to_anybody(request, source_url)
    if answer is not None:
        return answer
    try:
        reader = identities.check(request.token())
    except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets a page
        return refuse(request, error)
    return respond_to(request, reader, Ledgers.around(ledger), now_us, pages, maker)


def respond_to_anybody(request: PageRequest, source_url: str | None = None) -> PageResponse | None:
    """Answer a request that needs no token, or cannot be answered; None for any other. Reads no ledger."""
    if request.method not in {"GET", "HEAD"}:
        return problem(request, 405, "Read only", "this page only reads; use GET", Allow="GET, HEAD")
    if request.path == "/favicon.svg":
        answer = file(FAVICON.encode(), "image/svg+xml")
    elif request.path == "/licence":
        answer = file(licence_text().encode(), "text/plain; charset=utf-8")
    elif request.path == "/source":
        answer = html(source_page(source_url))
    else:
        return None
    return _headed(request, answer)


def refuse(request: PageRequest, error: Exception) -> PageResponse:
    """Answer a request with what came of it; what is no error of ours is logged."""
    if isinstance(error, UnauthenticatedError):
        words = f"{error}. Any user name will do; the password is the token."
        challenge = 'Basic realm="raypp", charset="UTF-8"'
        answer = problem(request, 401, "Who are you?", words, WWW_Authenticate=challenge)
    elif isinstance(error, RayppError):
        answer = _refused(request, error)
    else:
        logger.error("raypp: the page %s could not be made", request.path[:200], exc_info=error)
        answer = problem(request, 500, _WRONG, "this page cannot be made; the service's log says why")
    return _headed(request, answer)


def respond_to(
    request: PageRequest,
    reader: Principal,
    ledgers: Ledgers,
    now_us: int,
    pages: MadePages | None = None,
    maker: Maker | None = None,
) -> PageResponse:
    """Answer the request of a reader who is known; never raises for what it holds. Arguments are those of `respond`."""
    try:
        answer = _answer(request, reader, ledgers, now_us, pages, maker)
    except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets a page
        return refuse(request, error)
    return replace(_headed(request, answer), reader=reader)


def _headed(request: PageRequest, answer: PageResponse) -> PageResponse:
    return replace(answer, body=b"") if request.method == "HEAD" else answer


def _answer(
    request: PageRequest,
    reader: Principal,
    ledgers: Ledgers,
    now_us: int,
    pages: MadePages | None,
    maker: Maker | None,
) -> PageResponse:
    tag = _tag(request, ledgers, reader, now_us) if pages else None
    if tag and tag in request.headers.get("if-none-match", ""):
        return unchanged(tag)
    answer = pages.get(tag) if pages and tag else None
    if answer is None:
        answer = (maker or partial(make, ledgers))(request, reader, now_us)
        if pages and tag and answer.status == _OK:
            answer = replace(answer, headers=answer.headers | {"ETag": tag})
            pages.keep(tag, answer)
    return answer


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
                number = read_number("page", request.parameters().get("page"), 1, 1_000_000)
                known = _known(ledgers, reader)
                shown = shown_sites(known.names, number)
                return page_tag(request, ledgers, shown, now_us, known.ledger_of, (*known.names, known.is_whole))
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
            logger.error("raypp: the page %s could not be made: %s", request.path[:200], error)
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
            number = read_number("page", query.get("page"), 1, 1_000_000)
            return html(sites_page(ledgers, _known(ledgers, reader), now_us, number))
        case ["api", "sites"]:
            known = _known(ledgers, reader)
            states = site_states(ledgers, known, now_us)
            return data({"sites": states} if known.is_whole else {"sites": states, "incomplete": True})
        case ["devices"]:
            number = read_number("page", query.get("page"), 1, 1_000_000)
            return html(devices_page(list_devices(ledgers, now_us, reader.site), now_us, number))
        case ["api", "devices"]:
            return data(list_devices(ledgers, now_us, reader.site).model_dump_json())
        case _:
            return route_of_site(request, ledgers, reader, now_us, executions)


def _known(ledgers: Ledgers, reader: Principal) -> KnownSites:
    if reader.site is not None:
        return KnownSites((reader.site,))
    listed = ledgers.site_list()
    return KnownSites(tuple(site.name for site in listed.sites), listed.ledger_of, is_whole=not listed.silent)
