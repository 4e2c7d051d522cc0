"""Tickets from suspected label errors, as `raypp evaluate --report` lists them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from raypp.errors import OptionError, TicketError
from raypp.geometry.boxes import box_iou
from raypp.io.csv_rows import read_csv_rows
from raypp.io.fault import first_fault
from raypp.shards.labels import LabelTable, SampleLabels
from raypp.text.csv_cells import as_text
from raypp.tickets.ticket import FourFractions, Ticket, TicketedState, TicketKind, label_place

_BOX = ("x", "y", "w", "h")
_COLUMNS = ("sample_id", "kind", "score", "class", "predicted", *_BOX)
_SAME_OBJECT = 0.5
"""From this intersection over union on, two suspects are of one object."""
_LONGEST = 30


def tickets_of_suspects(
    paths: Sequence[Path], most: int, table: LabelTable, state: TicketedState
) -> tuple[Ticket, ...]:
    """Open tickets about the most suspicious labels, one about each object.

    Args:
        paths: files of suspects, each of frames that its detector did not learn from.
        most: tickets to open at most.
        table: label version that the tickets are about.
        state: of the archive.

    Raises:
        OptionError: if a file cannot be read, or a line is no suspect.
        TicketError: if a suspect is of a frame, class or label that the version does not have, or there is none.
    """
    labels = table.by_sample()
    opened: list[Ticket] = []
    boxes_of: dict[str, list[FourFractions]] = {}
    for _, place, row in sorted(_rows(paths), key=lambda entry: entry[:2]):
        if len(opened) == most:
            break
        ticket = _ticket(row, state, place)
        _check(ticket, labels.get(ticket.sample_id), table, place)
        box = ticket.box or (0.0, 0.0, 0.0, 0.0)
        others = boxes_of.setdefault(ticket.sample_id, [])
        if all(_iou(box, other) < _SAME_OBJECT for other in others):
            others.append(box)
            opened.append(ticket)
    if not opened:
        raise TicketError(f"{', '.join(map(str, paths))} has no suspect; nothing is to be asked")
    return tuple(opened)


def _rows(paths: Sequence[Path]) -> Iterable[tuple[float, str, dict[str, str]]]:
    for path in paths:
        for line, row in enumerate(read_csv_rows(path, _COLUMNS), 2):
            try:
                yield float(row["score"]), f"{path}:{line:09}", row
            except ValueError:
                raise OptionError(f"{path}:{line}: score {row['score']!r} is no number; correct the file") from None


def _ticket(row: dict[str, str], state: TicketedState, place: str) -> Ticket:
    path, _, line = place.rpartition(":")
    where = f"{path}:{int(line)}"
    try:
        kind = TicketKind(row["kind"])
        x, y, w, h = (float(row[name]) for name in _BOX)
        labelled, predicted = as_text(row["class"]), as_text(row["predicted"])
        name = labelled if kind is TicketKind.BADLY_LOCATED else predicted
        return Ticket.of(state, row["sample_id"], kind, _question(kind, labelled, predicted), (x, y, w, h), name)
    except ValidationError as error:
        raise OptionError(f"{where}: {first_fault(error, value=True)}; correct the file") from None
    except ValueError as error:
        raise OptionError(f"{where}: {error}; correct the file") from None


def _question(kind: TicketKind, labelled: str, predicted: str) -> str:
    labelled, predicted = labelled[:_LONGEST], predicted[:_LONGEST]
    match kind:
        case TicketKind.OVERLOOKED:
            return f"Is this a {predicted} that nobody labelled?"
        case TicketKind.SWAPPED:
            return f"Is this a {predicted}, and no {labelled}?"
        case TicketKind.BADLY_LOCATED:
            return f"Does this label lie wrongly on its {labelled}?"
    raise ValueError(f"kind {kind} is no suspect")


def _check(ticket: Ticket, labels: SampleLabels | None, table: LabelTable, place: str) -> None:
    path, _, line = place.rpartition(":")
    where = f"{path}:{int(line)}"
    if labels is None:
        raise TicketError(
            f"{where}: label version {table.version} has no frame {ticket.sample_id}; name the version and the "
            "archive that were evaluated"
        )
    if ticket.class_name not in table.classes:
        raise TicketError(
            f"{where}: class {ticket.class_name!r} is none of label version {table.version}; name the version that "
            "was evaluated"
        )
    if ticket.kind is not TicketKind.OVERLOOKED and label_place(ticket, labels.boxes) is None:
        raise TicketError(
            f"{where}: label version {table.version} has no such label on frame {ticket.sample_id}; name the version "
            "that was evaluated"
        )


def _iou(box: FourFractions, other: FourFractions) -> float:
    return float(box_iou(_corners(box), _corners(other))[0, 0])


def _corners(box: FourFractions) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    x, y, w, h = box
    return np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]])


def tickets_of_frames(sample_ids: Sequence[str], state: TicketedState) -> tuple[Ticket, ...]:
    """Open tickets about whole frames that nobody has labelled."""
    question = "Which objects does this frame show? Draw each."
    return tuple(Ticket.of(state, sample_id, TicketKind.UNLABELLED, question) for sample_id in sample_ids)
