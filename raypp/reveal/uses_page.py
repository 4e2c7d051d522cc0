"""The page on which a person marks where uses of tools begin and end in a video, on this machine alone."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypp.errors import LabelError, MediaError
from raypp.io.json import read_json
from raypp.reveal.local_page import PageContent, problem, serve_page
from raypp.reveal.video_frames import VideoFrames
from raypp.usage.use_marks import UseMarks

_MOST_DIGITS = 9


class MarkAction(StrEnum):
    """Changes of the marks."""

    BEGIN = "begin"
    END = "end"
    REMOVE = "remove"
    UNDO = "undo"


class MarkRequest(BaseModel):
    """One change, as the page sends it.

    Attributes:
        action: the change.
        tool: the tool; of no meaning for `undo`.
        frame: number of the frame that is shown; likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: MarkAction
    tool: str = Field("", max_length=100)
    frame: int = Field(0, ge=0, strict=True)


def serve_uses(
    frames: VideoFrames, marks: UseMarks, tools: Sequence[str], port: int, ready: Callable[[str], None]
) -> None:
    """Serve the page on 127.0.0.1 until the user ends it, by its button or by Ctrl-C.

    Args:
        frames: the video.
        marks: takes the marks; each is on the disk before the browser hears of it.
        tools: names of the tools, in the order of their keys.
        port: where to listen; 0 for any free one.
        ready: is given the address that opens the page, which holds a secret.

    Raises:
        OptionError: if the port is taken.
    """
    serve_page(_UsesPage(frames, marks, tools).content(), port, ready)


class _UsesPage:
    def __init__(self, frames: VideoFrames, marks: UseMarks, tools: Sequence[str]) -> None:
        self._frames, self._marks, self._tools = frames, marks, tuple(tools)

    def content(self) -> PageContent:
        return PageContent(
            command="label uses",
            name="uses",
            reads={"/api/video": self._video, "/frames/{number}": self._frame},
            writes={"/api/marks": self._mark},
        )

    async def _video(self, _request: Request) -> Response:
        facts = {"times_us": self._frames.times_us, "end_us": self._frames.end_us, "tools": self._tools}
        return JSONResponse({**facts, "name": self._frames.name, "damaged": self._frames.damaged, **self._uses()})

    async def _frame(self, request: Request) -> Response:
        number = request.path_params["number"]
        if not (number.isascii() and number.isdecimal() and len(number) <= _MOST_DIGITS):
            return problem(404, "no such frame")
        try:
            image = await run_in_threadpool(self._frames.image, int(number))
        except MediaError as error:
            return problem(404, str(error))
        return Response(image, media_type="image/jpeg") if image else problem(404, "no such frame")

    def _mark(self, body: bytes) -> Mapping[str, Any]:
        change = MarkRequest.model_validate(read_json(body))
        if change.action is MarkAction.UNDO:
            self._marks.undo()
            return self._uses()
        if change.tool not in self._tools:
            raise LabelError(f"tool {change.tool!r} is none of {', '.join(self._tools)}")
        times_us = self._frames.times_us
        if change.frame >= len(times_us):
            raise LabelError(f"the video has no frame {change.frame}; its last one is {len(times_us) - 1}")
        time_us = times_us[change.frame]
        if change.action is MarkAction.BEGIN:
            self._marks.begin(change.tool, time_us)
        elif change.action is MarkAction.END:
            is_last = change.frame == len(times_us) - 1
            self._marks.end(change.tool, self._frames.end_us if is_last else time_us)
        else:
            self._marks.remove(change.tool, time_us)
        return self._uses()

    def _uses(self) -> dict[str, Any]:
        uses = [{"tool": use.tool, "start_us": use.start_us, "end_us": use.end_us} for use in self._marks.uses]
        return {"uses": uses}
