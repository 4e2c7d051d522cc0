"""Answers to tickets: a verdict, and boxes where something else is right; no pixel and no name of a source."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from raypp.geometry.boxes import Box
from raypp.text.names import Name
from raypp.tickets.ticket import Share, Ticket, TicketKind

MOST_BOXES = 500
_ROUNDING = 1e-6


class AnswerVerdict(StrEnum):
    """Verdict of the owner on a ticket."""

    AGREE = "agree"
    """The label is wrong as the ticket supposes, and becomes what it proposes."""
    DISAGREE = "disagree"
    """The label is right, and stays."""
    CORRECTED = "corrected"
    """Something else is right: the answer's boxes take the label's place, or none."""
    OUT_OF_SCOPE = "out-of-scope"
    """The owner does not say; the label stays."""
    WITHDRAWN = "withdrawn"
    """The owner takes the answer before back; only in the owner's own file."""


class DrawnBox(BaseModel):
    """A box that the owner drew: class, and centre, width and height as fractions of the square."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, serialize_by_alias=True
    )

    class_name: Name = Field(alias="class")
    x: Share
    y: Share
    w: Share
    h: Share


class TicketAnswer(BaseModel):
    """One answer.

    Attributes:
        ticket: name of the ticket.
        verdict: verdict of the owner.
        boxes: the right boxes, where the verdict is `corrected`; else None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    ticket: str = Field(pattern="^[0-9a-f]{16}$")
    verdict: AnswerVerdict
    boxes: tuple[DrawnBox, ...] | None = Field(default=None, max_length=MOST_BOXES)


def check_answer(answer: TicketAnswer, ticket: Ticket, classes: Sequence[str]) -> None:
    """Raise ValueError, naming what is wrong, unless an answer fits its ticket and the classes of the labels."""
    needs_boxes = answer.verdict is AnswerVerdict.CORRECTED
    if needs_boxes != (answer.boxes is not None):
        raise ValueError(f"an answer {answer.verdict!s} has {'boxes, or an empty list' if needs_boxes else 'no boxes'}")
    if ticket.kind is TicketKind.UNLABELLED and answer.verdict in {AnswerVerdict.AGREE, AnswerVerdict.DISAGREE}:
        raise ValueError("an unlabelled frame is answered by 'corrected' with its boxes, or 'out-of-scope'")
    if ticket.kind is TicketKind.BADLY_LOCATED and answer.verdict is AnswerVerdict.AGREE:
        raise ValueError("a badly located label is answered by 'corrected' with the right box, or 'disagree'")
    for box in answer.boxes or ():
        if box.class_name not in classes:
            raise ValueError(f"class {box.class_name!r} is none of the labels' {', '.join(classes)[:200]}")
        drawn = ", ".join(f"{edge:.4g}" for edge in (box.x, box.y, box.w, box.h))
        if box.w <= 0 or box.h <= 0:
            raise ValueError(f"the box ({drawn}) has no area")
        if max(abs(box.x - 0.5) + box.w / 2, abs(box.y - 0.5) + box.h / 2) > 0.5 + _ROUNDING:
            raise ValueError(f"the box ({drawn}) lies outside the frame, whose edges are 0 and 1")


def right_boxes(answer: TicketAnswer, ticket: Ticket, classes: Sequence[str]) -> tuple[Box, ...] | None:
    """Return the boxes that take the place of the label that a checked answer is about; None where it stays."""
    if answer.verdict is AnswerVerdict.CORRECTED:
        drawn = answer.boxes or ()
        return tuple(Box(classes.index(box.class_name), box.x, box.y, box.w, box.h) for box in drawn)
    if answer.verdict is AnswerVerdict.AGREE and ticket.box is not None and ticket.class_name is not None:
        return (Box(classes.index(ticket.class_name), *ticket.box),)
    return None
