"""The page on which the owner drops images, sees what counts on them, and corrects boxes; on this machine alone."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypp.io.json import read_json
from raypp.reveal.local_page import PageContent, problem, serve_page


class CountDesk(Protocol):
    """Counts images that are held in memory."""

    most_bytes: int

    def about(self) -> Mapping[str, Any]:
        """Return classes, unit and limits, and what was counted so far."""
        ...

    def count(self, name: str, content: bytes) -> Mapping[str, Any]:
        """Count on an image; raises MediaError if it is none."""
        ...

    def image(self, number: int) -> bytes | None:
        """Return a small JPEG of an image that is still held, or None."""
        ...

    def correct(self, document: Any) -> Mapping[str, Any]:
        """Take boxes that a person corrected; raises ValidationError or a RayppError."""
        ...


def serve_counts(desk: CountDesk, port: int, ready: Callable[[str], None], wording: Callable[[str], str] = str) -> None:
    """Serve the page on 127.0.0.1 until the user ends it, by its button or by Ctrl-C.

    Args:
        desk: counts.
        port: where to listen; 0 for any free one.
        ready: is given the address that opens the page, which holds a secret.
        wording: words errors for a person, who knows options and no fields.

    Raises:
        OptionError: if the port is taken.
    """
    serve_page(_content(desk, wording), port, ready)


def _content(desk: CountDesk, wording: Callable[[str], str]) -> PageContent:
    async def about(_request: Request) -> Response:
        return JSONResponse(dict(desk.about()))

    async def image(request: Request) -> Response:
        held = desk.image(int(request.path_params["number"]))
        return Response(held, media_type="image/jpeg") if held else problem(404, "this image is no longer held")

    return PageContent(
        command="count serve",
        name="counts",
        reads={"/api/about": about, "/images/{number:int}": image},
        writes={"/api/correct": lambda body: desk.correct(read_json(body))},
        uploads={"/api/count": desk.count},
        most_upload=desk.most_bytes,
        wording=wording,
    )
