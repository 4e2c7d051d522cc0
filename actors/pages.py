"""The read-only pages of a gateway, for browsers: HTTP here, the pages themselves in `raypp.web`."""

import hashlib
import logging
import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from actors.services import Services
from raypp.errors import LedgerError, LedgerUnavailableError, SiteMovingError
from raypp.ledger.identity import Principal
from raypp.serving.access import FRONT_HEADER
from raypp.serving.status import StatusError
from raypp.web.addresses import site_of
from raypp.web.freshness import MadePages
from raypp.web.licence import project_source
from raypp.web.request import PageRequest, PageResponse, problem
from raypp.web.routes import Maker, refuse, respond_to, respond_to_anybody

_OK, _UNCHANGED, _UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 200, 304, 401, 403, 429
_AUDITED_AGAIN_S = 600.0
_MOST_REMEMBERED = 10_000

logger = logging.getLogger("ray.serve")


class Pages:
    """Answers browsers.

    Args:
        services: of the gateway.
        maker: makes a page that has changed, maybe in another process.
    """

    def __init__(self, services: Services, maker: Maker) -> None:
        self._services = services
        self._made = MadePages()
        self._maker = maker
        self._audited: dict[tuple[str, str], float] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a request; one that did not come through the front is refused."""
        services = self._services
        if not services.front.passed(request.headers.get(FRONT_HEADER, "")):
            return PlainTextResponse("this call did not come through the front; use its address\n", _FORBIDDEN)
        wanted = PageRequest(
            method=request.method,
            path=str(request.scope["path"]),
            query=request.url.query,
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        answer = respond_to_anybody(wanted, services.settings.source_url or project_source())
        if answer is None:
            try:
                answer = await self._made_for(wanted, await services.bearer(wanted.token()))
            except StatusError as error:
                answer = problem(wanted, _TOO_MANY, "One at a time", str(error), Retry_After="5")
            except Exception as error:  # noqa: BLE001 - whatever it is, the reader gets a page
                if isinstance(error, LedgerUnavailableError) and not isinstance(error, SiteMovingError):
                    services.ledger_failed(error)
                answer = refuse(wanted, error)
        if answer.status == _UNAUTHORIZED:
            services.token_refused(f"no good token (page from {request.client.host if request.client else 'nowhere'})")
        if answer.status in {_OK, _UNCHANGED} and answer.reader is not None:
            await self._audit(str(answer.reader), wanted.path)
        return Response(answer.body, answer.status, answer.headers)

    async def _made_for(self, wanted: PageRequest, reader: Principal) -> PageResponse:
        """Have a page made in its ledger's turns; where that ledger ceases to answer, the page says so."""
        services, site = self._services, site_of(wanted.path)
        caller = hashlib.sha256((wanted.token() or "").encode()).hexdigest()
        page = wanted, reader, services.ledgers, services.ledgers.clock(), self._made, self._maker
        if site is None:
            return await services.lanes.turns.next(caller, respond_to, *page)
        reader.may_read(site)
        lane = await services.lanes.of(site)
        return await lane.answered(lane.turns.next(caller, respond_to, *page))

    async def _audit(self, who: str, path: str) -> None:
        """Record who reads what; pages refresh by themselves, which is recorded every few minutes only."""
        now = time.monotonic()
        if now - self._audited.get((who, path), -_AUDITED_AGAIN_S) < _AUDITED_AGAIN_S:
            return
        if len(self._audited) >= _MOST_REMEMBERED:
            self._audited.clear()
        try:
            lanes, site = self._services.lanes, site_of(path)
            lane = lanes.home if site is None else await lanes.of(site)
            await lane.answered(lane.audit(who, "page", path))
        except LedgerError as error:  # such as a full disk: the page is made, and its reader may have it
            logger.warning("raypp: %s has read %s, which could not be written down: %s", who, path, error)
        else:
            self._audited[who, path] = now
