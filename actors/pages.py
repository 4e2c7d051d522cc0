"""The read-only pages of a gateway, for browsers: HTTP here, the pages themselves in `raypp.report`."""

import time

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from actors.services import Services
from raypp.report.page import respond
from raypp.report.request import PageRequest
from raypp.serving.access import FRONT_HEADER

_OK, _FORBIDDEN = 200, 403
_AUDITED_AGAIN_S = 600.0
_MOST_REMEMBERED = 10_000


class Pages:
    """Answers browsers.

    Args:
        services: of the gateway.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._audited: dict[tuple[str, str], float] = {}

    async def answer(self, request: Request) -> Response:
        """Answer a request; one that did not come through the front is refused."""
        services = self._services
        if not services.front.passed(request.headers.get(FRONT_HEADER, "")):
            return PlainTextResponse("this call did not come through the front; use its address\n", _FORBIDDEN)
        asked = PageRequest(
            method=request.method,
            path=str(request.scope["path"]),
            query=request.url.query,
            headers={name.lower(): value for name, value in request.headers.items()},
        )
        ledger = services.ledger
        answer = await services.wait_for(respond, asked, ledger, services.identities, ledger.clock())
        if answer.status == _OK and (token := asked.token()) is not None:
            await self._audit(token, asked.path)
        return Response(answer.body, answer.status, answer.headers)

    async def _audit(self, token: str, path: str) -> None:
        """Record who reads what; pages refresh by themselves, which is recorded every few minutes only."""
        who = str(await self._services.wait_for(self._services.identities.check, token))
        now = time.monotonic()
        if now - self._audited.get((who, path), -_AUDITED_AGAIN_S) < _AUDITED_AGAIN_S:
            return
        if len(self._audited) >= _MOST_REMEMBERED:
            self._audited.clear()
        self._audited[who, path] = now
        await self._services.audit(who, "page", path)
