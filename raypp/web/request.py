"""A request for a page and its answer, free of any framework."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import parse_qsl

from raypp.errors import OptionError
from raypp.ledger.identity import Principal
from raypp.web.assets import CONTENT_SECURITY_POLICY
from raypp.web.render import render
from raypp.web.values import SITES, Notice, Page

MOST_QUERY_CHARACTERS = 4096

_ALWAYS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request of a browser.

    Attributes:
        method: GET or HEAD; any other is refused.
        path: percent-decoded, from `/`; a name in it may hold any character but `/`.
        query: what follows the question mark, still encoded.
        headers: names in lower case.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # they hold a token

    def token(self) -> str | None:
        """Return its token: the password of HTTP Basic, or a bearer's; None without one or where it is malformed."""
        scheme, _, rest = self.headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() == "bearer":
            return rest.strip() or None
        if scheme.lower() != "basic":
            return None
        try:
            pair = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        return pair.partition(":")[2] or None

    def parameters(self) -> dict[str, str]:
        """Return the fields of the query by name; the last of each."""
        return dict(parse_qsl(self.query[:MOST_QUERY_CHARACTERS]))


@dataclass(frozen=True, slots=True)
class PageResponse:
    """The answer to a request.

    Attributes:
        status: of HTTP.
        headers: to be sent as they are; the length of the body is not among them.
        body: bytes; empty for HEAD.
        reader: whose token it was given for; None where none was asked for, or it was not good.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    reader: Principal | None = None


@dataclass(frozen=True, slots=True)
class ProblemPage(Page):
    """A problem, in words."""

    template: ClassVar[str] = "raypp.web/problem.html"
    refreshes: ClassVar[bool] = False
    notice: Notice


def html(page: Page, status: int = 200, **headers: str) -> PageResponse:
    """Answer with a page."""
    return _answer(status, "text/html; charset=utf-8", render(page).encode(), headers)


def data(value: str | object, status: int = 200, **headers: str) -> PageResponse:
    """Answer with JSON: text that is JSON already, or what is to become it."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return _answer(status, "application/json; charset=utf-8", text.encode(), headers)


def file(body: bytes, kind: str, **headers: str) -> PageResponse:
    """Answer with anything else."""
    return _answer(200, kind, body, headers)


def unchanged(tag: str) -> PageResponse:
    """Answer that the browser has the page already."""
    return PageResponse(304, {**_ALWAYS, "ETag": tag}, b"")


def problem(request: PageRequest, status: int, headline: str, words: str, **headers: str) -> PageResponse:
    """Say what went wrong: as a page, or as JSON under /api/."""
    if request.path.startswith("/api/"):
        return data({"error": words}, status, **headers)
    return html(ProblemPage(headline, (SITES,), Notice(headline, words)), status, **headers)


def _answer(status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> PageResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return PageResponse(status, {"Content-Type": kind, **_ALWAYS, **named}, body)


def read_number(name: str, text: str | None, default: int, most: int) -> int:
    """Read a number of 1 or more out of a query; raises OptionError."""
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise OptionError(f"{name} {text[:20]!r} is out of range; give 1 to {most}")
    return int(text[:9])
