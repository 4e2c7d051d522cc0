"""A page for the user of this machine alone: who may open it, what a browser may do, and how it is served."""

import hmac
import logging
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import unquote

import uvicorn
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from raypp.errors import ContentError, OptionError, RayppError
from raypp.io.fault import first_fault
from raypp.text.printable import printable
from raypp.web.assets import FAVICON, STYLE, static_file
from raypp.web.templating import environment

POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("style", "script", "connect", "img")),
        *(f"{what} 'none'" for what in ("form-action", "base-uri", "frame-ancestors")),
    )
)
"""A page may load its own script, style and frames; a browser allows it nothing else."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HOST = "127.0.0.1"
_MOST_BODY = 64_000
_MOST_NAME = 200
_PACKAGE = "raypp.reveal"

Endpoint = Callable[[Request], Awaitable[Response]]
Write = Callable[[bytes], Mapping[str, Any]]
Upload = Callable[[str, bytes], Mapping[str, Any]]


@dataclass(frozen=True)
class PageContent:
    """One page: its files, what it reads, and what it writes.

    Attributes:
        command: the command that serves it, such as `ticket answer`.
        name: of its template, style and script, such as tickets.
        reads: answers to GET, by path.
        writes: answers to POST, by path: each is given a body, and returns what becomes JSON. A ContentError or
            ValidationError says that the body is malformed, another RayppError that it cannot be done.
        uploads: answers to POST of a file, by path: each is given the file's name and its bytes, and answers likewise.
        most_upload: bytes that such a file may have.
        wording: words errors of uploads for a person, who knows options and no fields.
    """

    command: str
    name: str
    reads: Mapping[str, Endpoint]
    writes: Mapping[str, Write]
    uploads: Mapping[str, Upload] = field(default_factory=dict)
    most_upload: int = 0
    wording: Callable[[str], str] = str


@dataclass(frozen=True)
class PageSecrets:
    """Secrets of one run of a page: `token` opens it, `csrf` stands in the page and comes with all that it sends."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)


class LocalPage:
    """Lets in the browser that has the page's address, and what the page itself sends.

    Args:
        content: the page.
        port: of 127.0.0.1, where it is served.
        end: is called when the user ends the page.
    """

    def __init__(self, content: PageContent, port: int, end: Callable[[], None]) -> None:
        self._content, self._end = content, end
        self._secrets = PageSecrets()
        self._hosts = frozenset({f"{_HOST}:{port}", f"localhost:{port}"})
        self._cookie = f"raypp-{content.name}-{port}"
        self.address = f"http://{_HOST}:{port}/?token={self._secrets.token}"

    def app(self) -> Starlette:
        """Return the page as an application of ASGI."""
        name = self._content.name
        files = {
            "/page.css": (STYLE, "text/css"),
            "/local_page.js": (static_file(_PACKAGE, "local_page.js"), "text/javascript"),
            f"/{name}.css": (static_file(_PACKAGE, f"{name}.css"), "text/css"),
            f"/{name}.js": (static_file(_PACKAGE, f"{name}.js"), "text/javascript"),
            "/favicon.svg": (FAVICON, "image/svg+xml"),
        }
        reads: dict[str, Endpoint] = {"/": self._index, **self._content.reads}
        reads |= {path: _of_file(*file) for path, file in files.items()}
        writes: dict[str, Endpoint] = {"/api/end": self._finish}
        writes |= {path: _of_write(take) for path, take in self._content.writes.items()}
        writes |= {path: _of_upload(take, self._content) for path, take in self._content.uploads.items()}
        return Starlette(
            routes=[
                *(Route(path, self._guarded(endpoint)) for path, endpoint in reads.items()),
                *(Route(path, self._guarded(endpoint), methods=["POST"]) for path, endpoint in writes.items()),
            ]
        )

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Let a request through that is of this host's name and user, and of the page itself where it writes."""

        async def guard(request: Request) -> Response:
            words = self._refusal(request)
            answer = problem(403, words) if words else self._opened(request) or await endpoint(request)
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
            return f"open the address that `raypp {self._content.command}` printed"
        if request.method == "POST":
            if request.headers.get("origin", f"http://{host}") != f"http://{host}":
                return "answers come from the page itself"
            if not _equal(request.headers.get("x-csrf-token", ""), self._secrets.csrf):
                return "this page is of an earlier run; load it again"
        return None

    async def _index(self, _request: Request) -> Response:
        template = environment(_PACKAGE).get_template(f"{_PACKAGE}/{self._content.name}.html")
        return HTMLResponse(template.render(csrf=self._secrets.csrf, name=self._content.name))

    async def _finish(self, _request: Request) -> Response:
        self._end()
        return JSONResponse({})


def serve_page(content: PageContent, port: int, ready: Callable[[str], None]) -> None:
    """Serve a page on 127.0.0.1 until the user ends it, by its button or by Ctrl-C.

    Args:
        content: the page.
        port: where to listen; 0 for any free one.
        ready: is given the address that opens the page, which holds a secret.

    Raises:
        OptionError: if the port is taken.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise OptionError(f"`port` {port}: {error.strerror}; choose another, or 0 for any free one") from None
        listener.listen()
        server: uvicorn.Server

        def end() -> None:
            server.should_exit = True

        page = LocalPage(content, listener.getsockname()[1], end)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        settings = uvicorn.Config(
            page.app(), log_config=None, access_log=False, server_header=False, lifespan="off", ws="none"
        )
        server = uvicorn.Server(settings)
        ready(page.address)
        server.run([listener])


def problem(status: int, words: str) -> Response:
    """Return an answer that says what is wrong; the page shows it."""
    return JSONResponse({"error": words}, status)


def _of_file(body: str, kind: str) -> Endpoint:
    async def give(_request: Request) -> Response:
        return Response(body, media_type=kind)

    return give


def _of_write(take: Write) -> Endpoint:
    async def answer(request: Request) -> Response:
        body = await _body(request, _MOST_BODY)
        if body is None:
            return problem(413, "the answer is too long")
        return await _answered(partial(take, body))

    return answer


def _of_upload(take: Upload, content: PageContent) -> Endpoint:
    most = content.most_upload

    async def answer(request: Request) -> Response:
        name = unquote(request.headers.get("x-name", ""))[:_MOST_NAME].strip() or "image"
        body = await _body(request, most)
        if body is None:
            return problem(413, f"{printable(name)} has more than {most >> 20} MiB; scale it down, or cut it")
        return await _answered(partial(take, printable(name), body), content.wording)

    return answer


async def _body(request: Request, most: int) -> bytes | None:
    """Read a body; None, without the rest of it, if it is longer than that."""
    pieces, length = [], 0
    async for piece in request.stream():
        length += len(piece)
        if length > most:
            return None
        pieces.append(piece)
    return b"".join(pieces)


async def _answered(take: Callable[[], Mapping[str, Any]], wording: Callable[[str], str] = str) -> Response:
    try:
        return JSONResponse(await run_in_threadpool(take))
    except ContentError as error:
        return problem(400, f"the answer {error}")
    except ValidationError as error:
        return problem(400, first_fault(error))
    except RayppError as error:
        return problem(409, wording(str(error)))


def _equal(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())
