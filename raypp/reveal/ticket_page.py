"""The page on which the owner answers tickets, on this machine alone: plain frames, boxes, and keys for answers."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from raypp.io.json import read_json
from raypp.reveal.local_page import PageContent, problem, serve_page
from raypp.reveal.ticket_frames import TicketFrames
from raypp.tickets.answer import TicketAnswer
from raypp.tickets.journal import AnswerJournal
from raypp.tickets.ticketed import TicketedArchive


def serve_tickets(
    archive: TicketedArchive,
    journal: AnswerJournal,
    frames: TicketFrames,
    port: int,
    ready: Callable[[str], None],
) -> None:
    """Serve the page on 127.0.0.1 until the user ends it, by its button or by Ctrl-C.

    Args:
        archive: the archive and its tickets.
        journal: takes the answers; each is on the disk before the browser hears of it.
        frames: plain frames of the tickets.
        port: where to listen; 0 for any free one.
        ready: is given the address that opens the page, which holds a secret.

    Raises:
        OptionError: if the port is taken.
    """
    serve_page(_TicketPage(archive, journal, frames).content(), port, ready)


class _TicketPage:
    def __init__(self, archive: TicketedArchive, journal: AnswerJournal, frames: TicketFrames) -> None:
        self._archive, self._journal, self._frames = archive, journal, frames
        self._tickets = {ticket.ticket: ticket for ticket in archive.tickets}

    def content(self) -> PageContent:
        return PageContent(
            command="ticket answer",
            name="tickets",
            reads={"/api/tickets": self._list, "/frames/{ticket}": self._frame},
            writes={"/api/answers": self._take},
        )

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
        return Response(image, media_type="image/jpeg") if image else problem(404, "no such frame")

    def _take(self, body: bytes) -> Mapping[str, Any]:
        self._journal.add(TicketAnswer.model_validate(read_json(body)))
        return {"answered": len(self._journal.answers)}
