"""Serving the page of tickets to this machine's own browser, until the owner ends it."""

import logging
import socket
from collections.abc import Callable

import uvicorn

from raypp.errors import OptionError
from raypp.reveal.ticket_frames import TicketFrames
from raypp.reveal.ticket_page import TicketPage
from raypp.tickets.journal import AnswerJournal
from raypp.tickets.ticketed import TicketedArchive

_HOST = "127.0.0.1"


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

        page = TicketPage(archive, journal, frames, listener.getsockname()[1], end)
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        settings = uvicorn.Config(
            page.app(), log_config=None, access_log=False, server_header=False, lifespan="off", ws="none"
        )
        server = uvicorn.Server(settings)
        ready(page.address)
        server.run([listener])
