"""The plain frames of tickets, as the owner looks at them: in memory, and never on a disk."""

from collections.abc import Sequence

from raypp.progress import SILENT, Progress
from raypp.reveal.jpeg import jpeg
from raypp.reveal.owner_side import OwnerFrames
from raypp.tickets.ticket import Ticket


class TicketFrames:
    """Plain frames of tickets, as JPEG: decoded once, since a page asks for them in any order.

    Args:
        plain: gives plain frames back.
        tickets: whose frames.
        progress: is told how far it is.

    Raises:
        ShardError: if the archive cannot be read.
    """

    def __init__(self, plain: OwnerFrames, tickets: Sequence[Ticket], progress: Progress = SILENT) -> None:
        self._frames: dict[str, bytes] = {}
        self._problems: dict[str, str] = {}
        wanted = {ticket.sample_id for ticket in tickets}
        with progress.task("decoding the frames", len(wanted)) as advance:
            for row, frame in plain.recover(wanted):
                if isinstance(frame, str):
                    self._problems[row.sample_id] = frame
                else:
                    self._frames[row.sample_id] = jpeg(frame.square)
                advance(1, "", 1)

    def image(self, sample_id: str) -> bytes | None:
        """Return a frame as JPEG, or None if it cannot be had."""
        return self._frames.get(sample_id)

    def problem(self, sample_id: str) -> str | None:
        """Say why a frame cannot be had, or None."""
        return self._problems.get(sample_id)
