"""The page on which the owner answers tickets, on this machine alone: plain frames, boxes, and keys for answers."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from raypp.errors import ContentError, TicketError
from raypp.io.fault import first_fault
from raypp.io.json import read_json
from raypp.reveal.ticket_frames import TicketFrames
from raypp.tickets.answer import TicketAnswer
from raypp.tickets.journal import AnswerJournal
from raypp.tickets.ticketed import TicketedArchive
from raypp.web.assets import FAVICON, STYLE, static_file
from raypp.web.templating import environment

POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("style", "script", "connect", "img")),
        *(f"{what} 'none'" for what in ("form-action", "base-uri", "frame-ancestors")),
    )
)
"""The page may load its own script, style and frames; a browser allows it nothing else."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_MOST_BODY = 64_000

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class PageSecrets:
    """Secrets of one run of the page: `token` opens it, `csrf` stands in the page and comes with every answer."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class TicketPage:
    """Answers a browser's requests, of this machine's user alone.

    Args:
        archive: the archive and its tickets.
        journal: takes the answers.
        frames: plain frames of the tickets.
        port: of 127.0.0.1, where it is served.
        end: is called when the user ends the page.
    """

    def __init__(
        self,
        archive: TicketedArchive,
        journal: AnswerJournal,
        frames: TicketFrames,
        port: int,
        end: Callable[[], None],
    ) -> None:
        self._archive, self._journal, self._frames, self._end = archive, journal, frames, end
        self._secrets = PageSecrets()
        self._hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self._cookie = f"raypp-tickets-{port}"
        self.address = f"http://127.0.0.1:{port}/?token={self._secrets.token}"
        self._tickets = {ticket.ticket: ticket for ticket in archive.tickets}

    def app(self) -> Starlette:
        """Return the page as an application of ASGI."""
        files = {
            "/page.css": (STYLE, "text/css"),
            "/tickets.css": (static_file("raypp.reveal", "tickets.css"), "text/css"),
            "/tickets.js": (static_file("raypp.reveal", "tickets.js"), "text/javascript"),
            "/favicon.svg": (FAVICON, "image/svg+xml"),
        }

        def of_file(body: str, kind: str) -> Endpoint:
            async def give(_request: Request) -> Response:
                return Response(body, media_type=kind)

            return give

        routes = [
            Route("/", self._guarded(self._index)),
            Route("/api/tickets", self._guarded(self._list)),
            Route("/frames/{ticket}", self._guarded(self._frame)),
            Route("/api/answers", self._guarded(self._take), methods=["POST"]),
            Route("/api/end", self._guarded(self._finish), methods=["POST"]),
            *(Route(path, self._guarded(of_file(*content))) for path, content in files.items()),
        ]
        return Starlette(routes=routes)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Let a request through that is of this host's name and user, and of the page itself where it writes."""

        async def guard(request: Request) -> Response:
            words = self._refusal(request)
            answer = _problem(403, words) if words else self._opened(request) or await endpoint(request)
            answer.headers.update(_HEADERS)
            return answer

        return guard

    def _opens(self, request: Request) -> bool:
        return request.url.path == "/" and _equal(request.query_params.get("token", ""), self._secrets.token)

    def _opened(self, request: Request) -> Response | None:
        """Let a browser in that has the address with the token, and take the token out of its address line."""
        if not self._opens(request):
            return None
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._cookie, self._secrets.token, httponly=True, samesite="strict", path="/")
        return answer

    def _refusal(self, request: Request) -> str | None:
        """Say why a request is refused, or None."""
        host = request.headers.get("host", "")
        if host not in self._hosts:
            return "this page is for this machine's own browser"
        if not self._opens(request) and not _equal(request.cookies.get(self._cookie, ""), self._secrets.token):
            return "open the address that `raypp ticket answer` printed"
        if request.method == "POST":
            if request.headers.get("origin", f"http://{host}") != f"http://{host}":
                return "answers come from the page itself"
            if not _equal(request.headers.get("x-csrf-token", ""), self._secrets.csrf):
                return "this page is of an earlier run; load it again"
        return None

    async def _index(self, _request: Request) -> Response:
        template = environment("raypp.reveal").get_template("raypp.reveal/tickets.html")
        return HTMLResponse(template.render(csrf=self._secrets.csrf))

    async def _list(self, _request: Request) -> Response:
        answers = self._journal.answers
        entries: list[dict[str, Any]] = []
        for ticket in self._archive.tickets:
            labels, answer = self._archive.labels.get(ticket.sample_id), answers.get(ticket.ticket)
            entries.append(
                {
                    **ticket.model_dump(mode="json", include={"ticket", "kind", "question", "box", "class_name"}),
                    "labels": [[box.x, box.y, box.w, box.h] for box in labels.boxes] if labels else [],
                    "verdict": answer.verdict if answer else None,
                    "problem": self._frames.problem(ticket.sample_id),
                }
            )
        return JSONResponse({"classes": self._archive.table.classes, "tickets": entries})

    async def _frame(self, request: Request) -> Response:
        ticket = self._tickets.get(request.path_params["ticket"])
        image = self._frames.image(ticket.sample_id) if ticket else None
        return Response(image, media_type="image/jpeg") if image else _problem(404, "no such frame")

    async def _take(self, request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MOST_BODY:
                return _problem(413, "the answer is too long")
        try:
            answer = TicketAnswer.model_validate(read_json(body))
            await run_in_threadpool(self._journal.add, answer)
        except ContentError as error:
            return _problem(400, f"the answer {error}")
        except ValidationError as error:
            return _problem(400, first_fault(error))
        except TicketError as error:
            return _problem(409, str(error))
        return JSONResponse({"answered": len(self._journal.answers)})

    async def _finish(self, _request: Request) -> Response:
        self._end()
        return JSONResponse({"answered": len(self._journal.answers)})


def _equal(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _problem(status: int, words: str) -> Response:
    return JSONResponse({"error": words}, status)
