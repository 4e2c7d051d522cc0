"""A new label version from answered tickets, and the replies that go back to who opened them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import ConflictError, TicketError
from raypp.geometry.boxes import Box
from raypp.io.atomic import write_bytes
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.relabelled import relabel
from raypp.text.names import Name
from raypp.text.split_names import TRAIN
from raypp.tickets.answer import AnswerVerdict, TicketAnswer, right_boxes
from raypp.tickets.json_lines import to_line
from raypp.tickets.ticket import Ticket, label_place
from raypp.tickets.ticketed import TicketedArchive

_UNSPLIT = "unsplit"


class TicketReply(BaseModel):
    """Reply to one ticket: its verdict, and the label version that has what came of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ticket: str
    verdict: AnswerVerdict
    labels: Name
    labels_digest: str


class RelabellingSummary(BaseModel):
    """Result of `raypp ticket apply`."""

    model_config = ConfigDict(frozen=True)

    labels_version: str
    dataset_frames: int = Field(description="labelled frames of the new version")
    verdicts: dict[str, int] = Field(description="number of answers by verdict")
    changed: int = Field(description="frames whose labels differ from those of the version before")
    variants_dropped: int = Field(description="variants of changed frames, whose labels are out of date, left out")
    unanswered: int
    problems: tuple[str, ...] = Field(description="one line for each answer that cannot be used")


def apply_answers(
    archive: TicketedArchive, answers: Mapping[str, TicketAnswer], name: str, out: Path
) -> RelabellingSummary:
    """Write a label version with the answers in it, and then the replies; doing it again changes nothing.

    Args:
        archive: the archive and its tickets.
        answers: checked answers by ticket.
        name: name of the new label version.
        out: file of replies, one a line; it has verdicts alone.

    Raises:
        ConflictError: if the version exists with other content, or is the one that the tickets are about.
        TicketError: if nothing can be used, or the replies cannot be written.
        ShardError: if the archive cannot be read or written.
    """
    table = archive.table
    if name == table.version:
        raise ConflictError(f"label version {name} is the one that the tickets are about; choose another name")
    usable = {ticket.ticket: ticket for ticket in archive.tickets if ticket.ticket in answers}
    if not usable:
        raise TicketError("no ticket is answered whose frame is there; answer some by `raypp ticket answer`")
    relabelled = relabel(archive.reader, table, _instead(archive, usable, answers))
    new = write_labels(archive.reader.store, name, table.classes, table.veil_id, relabelled.rows)
    replies = [
        TicketReply(ticket=ticket, verdict=answers[ticket].verdict, labels=name, labels_digest=new.digest)
        for ticket in usable
    ]
    try:
        write_bytes(out, b"".join(map(to_line, replies)), durable=True)
    except OSError as error:
        raise TicketError(f"replies {out}: {error.strerror}; choose a place that can be written") from None
    verdicts = Counter(reply.verdict for reply in replies)
    return RelabellingSummary(
        labels_version=name,
        dataset_frames=sum(new.splits.values()),
        verdicts={verdict: verdicts[verdict] for verdict in AnswerVerdict if verdicts[verdict]},
        changed=len(relabelled.changed),
        variants_dropped=relabelled.variants_dropped,
        unanswered=len(archive.tickets) - len(usable),
        problems=tuple(problem for ticket, problem in archive.problems.items() if ticket in answers),
    )


def _instead(
    archive: TicketedArchive, usable: Mapping[str, Ticket], answers: Mapping[str, TicketAnswer]
) -> dict[str, SampleLabels]:
    """Labels of the frames that tickets are about, after their answers; not of a frame that still has none."""
    by_sample: dict[str, list[Ticket]] = {}
    for ticket in usable.values():
        by_sample.setdefault(ticket.sample_id, []).append(ticket)
    split = TRAIN if TRAIN in archive.table.splits else _UNSPLIT
    rows = {}
    for sample_id, tickets in by_sample.items():
        before = archive.labels.get(sample_id)
        boxes = _boxes(before.boxes if before else (), tickets, answers, archive.table.classes)
        if before is not None:
            rows[sample_id] = replace(before, boxes=boxes)
        elif any(answers[ticket.ticket].boxes is not None for ticket in tickets):
            rows[sample_id] = SampleLabels(sample_id, split, boxes)
    return rows


def _boxes(
    before: tuple[Box, ...], tickets: Iterable[Ticket], answers: Mapping[str, TicketAnswer], classes: tuple[str, ...]
) -> tuple[Box, ...]:
    """Labels of a frame after its answers; places are those of the labels before, so that order does not matter."""
    instead: dict[int, tuple[Box, ...]] = {}
    added: list[Box] = []
    for ticket in tickets:
        right = right_boxes(answers[ticket.ticket], ticket, classes)
        if right is None:
            continue
        place = label_place(ticket, before)
        if place is None:
            added += right
        elif answers[ticket.ticket].verdict is AnswerVerdict.AGREE:  # another class; the ticket's box is rounded
            instead[place] = tuple(replace(before[place], class_id=box.class_id) for box in right)
        else:
            instead[place] = right
    kept = [box for place, own in enumerate(before) for box in instead.get(place, (own,))]
    return tuple(dict.fromkeys([*kept, *added]))
