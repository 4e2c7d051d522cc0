"""A ticket: one question about a label of one frame, which holds no pixel and names no source."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import TicketError
from raypp.geometry.boxes import Box
from raypp.io.atomic import write_bytes
from raypp.shards.labels import LabelTable
from raypp.text.names import Name
from raypp.tickets.json_lines import read_lines, to_line

MOST_TICKETS = 1_000
"""Tickets of a file: each answer tells its asker something of a plain frame."""
ROUNDING = 6e-6
"""How far an edge of a label may lie from the ticket's: reports give five digits."""

_Hex = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1)]
FourFractions = tuple[Share, Share, Share, Share]


class TicketKind(StrEnum):
    """Kind of a question."""

    OVERLOOKED = "overlooked"
    """Whether an object lies where nothing is labelled."""
    BADLY_LOCATED = "badly-located"
    """Whether a label does not lie where its object is."""
    SWAPPED = "swapped"
    """Whether a label is of another class than its object."""
    UNLABELLED = "unlabelled"
    """Which objects a frame shows that nobody has labelled."""


class TicketedState(BaseModel):
    """State of an archive that tickets are about.

    Attributes:
        archive: digest of its manifest.
        veil_id: veil of the archive.
        labels: name of the label version.
        labels_digest: digest of that version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    archive: _Digest
    veil_id: _Hex
    labels: Name
    labels_digest: _Digest


class Ticket(BaseModel):
    """One question about one frame of an archive in one state.

    Attributes:
        ticket: its name: the first 16 hex digits of the SHA-256 of all else.
        sample_id: the frame.
        kind: kind of the question.
        box: centre, width and height as fractions of the square; None where the question is of the whole frame.
        class_name: class of the box if the owner agrees; None where the question is of the whole frame.
        question: the question in words.
        archive, veil_id, labels, labels_digest: as in `TicketedState`.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )

    ticket: str = Field(pattern="^[0-9a-f]{16}$")
    sample_id: _Hex
    kind: TicketKind
    box: FourFractions | None = None
    class_name: Name | None = Field(default=None, alias="class")
    question: Name
    archive: _Digest
    veil_id: _Hex
    labels: Name
    labels_digest: _Digest

    @classmethod
    def of(
        cls,
        state: TicketedState,
        sample_id: str,
        kind: TicketKind,
        question: str,
        box: FourFractions | None = None,
        class_name: str | None = None,
    ) -> Self:
        """Return the ticket of a question about an archive in a state; raises ValueError if it is none."""
        fields = {"sample_id": sample_id, "kind": kind, "question": question, "box": box, "class_name": class_name}
        fields = {name: value for name, value in (fields | state.model_dump()).items() if value is not None}
        return cls.model_validate({"ticket": _name(fields), **fields})

    @property
    def state(self) -> TicketedState:
        """State of the archive that it is about."""
        return TicketedState(**{name: getattr(self, name) for name in TicketedState.model_fields})

    def check(self) -> None:
        """Raise ValueError if its name is not of its content, or a box or class that its kind needs is missing."""
        fields = self.model_dump(exclude={"ticket"}, exclude_none=True, by_alias=False)
        if _name(fields) != self.ticket:
            raise ValueError(f"ticket {self.ticket} was altered after it was opened")
        whole = self.kind is TicketKind.UNLABELLED
        if (self.box is None) != whole or (self.class_name is None) != whole:
            raise ValueError(f"ticket {self.ticket}: a question of kind {self.kind} has {'no' if whole else 'a'} box")


def read_tickets(path: Path) -> tuple[Ticket, ...]:
    """Read a file of tickets, all of one archive in one state.

    Raises:
        TicketError: naming file, line and fault, if it is none, empty, altered, or names a ticket twice.
    """
    tickets: dict[str, Ticket] = {}
    for number, ticket in read_lines(path, Ticket, "ticket file"):
        try:
            ticket.check()
            _check_beside(ticket, tickets)
        except ValueError as error:
            raise TicketError(f"ticket file {path}: line {number}: {error}; have the tickets opened anew") from None
        tickets[ticket.ticket] = ticket
    if not tickets:
        raise TicketError(f"ticket file {path} has no ticket; open some by `raypp ticket open`")
    return tuple(tickets.values())


def write_tickets(path: Path, tickets: Sequence[Ticket]) -> None:
    """Write tickets, one a line; raises TicketError if the file exists or cannot be written."""
    if path.exists():
        raise TicketError(f"ticket file {path} exists, and may be answered already; choose another name")
    try:
        write_bytes(path, b"".join(map(to_line, tickets)), durable=True)
    except OSError as error:
        raise TicketError(f"ticket file {path}: {error.strerror}; choose a place that can be written") from None


def label_place(ticket: Ticket, boxes: Sequence[Box]) -> int | None:
    """Return which label of a frame a ticket asks about; None for a box that nothing is labelled at."""
    if ticket.box is None or ticket.kind is TicketKind.OVERLOOKED:
        return None
    for place, box in enumerate(boxes):
        edges = zip((box.x, box.y, box.w, box.h), ticket.box, strict=True)
        if all(abs(own - other) <= ROUNDING for own, other in edges):
            return place
    return None


def state_of(archive: str, table: LabelTable) -> TicketedState:
    """Return an archive's state, of its manifest's digest and a label version."""
    return TicketedState(archive=archive, veil_id=table.veil_id, labels=table.version, labels_digest=table.digest)


def _check_beside(ticket: Ticket, others: Mapping[str, Ticket]) -> None:
    """Raise ValueError unless a ticket can stand in one file with others."""
    if ticket.ticket in others:
        raise ValueError(f"ticket {ticket.ticket} stands twice")
    if others and ticket.state != next(iter(others.values())).state:
        raise ValueError(f"ticket {ticket.ticket} is about another archive or label version than the first")
    if len(others) == MOST_TICKETS:
        raise ValueError(f"there are more than {MOST_TICKETS} tickets")


def _name(fields: Mapping[str, object]) -> str:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
