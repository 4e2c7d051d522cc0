"""The archive that tickets are about: whether it is the same, and what became of each ticket's frame and label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from raypp.errors import TicketError
from raypp.shards.labels import LabelTable, SampleLabels, list_versions, read_labels
from raypp.shards.reader import ShardReader
from raypp.tickets.ticket import Ticket, TicketKind, label_place

_READ_ROWS = 8192


@dataclass(frozen=True)
class TicketedArchive:
    """An archive and the tickets about it.

    Attributes:
        reader: the archive.
        table: the label version that the tickets are about.
        labels: its rows of the tickets' frames, by sample_id.
        tickets: those that can be answered, in their order.
        problems: why each other one cannot, by ticket.
    """

    reader: ShardReader
    table: LabelTable
    labels: Mapping[str, SampleLabels]
    tickets: tuple[Ticket, ...]
    problems: Mapping[str, str] = field(default_factory=dict)


def match_archive(reader: ShardReader, tickets: Sequence[Ticket]) -> TicketedArchive:
    """Check that an archive is the one that tickets are about; frames and labels that it lost are told one by one.

    Args:
        reader: the archive, which may have grown, or lost frames, since the tickets were opened.
        tickets: of one state.

    Raises:
        TicketError: if the tickets are of another veil or archive, or of labels that it does not have.
        ShardError: if the archive cannot be read.
    """
    table = _labels(reader, tickets[0])
    wanted = pa.array(sorted({ticket.sample_id for ticket in tickets}), pa.string())
    there = present_samples(reader, wanted)
    if not there:
        raise TicketError(
            f"the tickets are about another archive: {reader.store.root} has none of their frames; give the one that "
            "they were opened on"
        )
    chosen = table.columns.filter(pc.is_in(table.columns["sample_id"], wanted))
    labels = LabelTable(table.version, table.classes, table.veil_id, chosen).by_sample()
    problems = {}
    for ticket in tickets:
        problem = _problem(ticket, ticket.sample_id in there, labels.get(ticket.sample_id), table.version)
        if problem:
            problems[ticket.ticket] = f"ticket {ticket.ticket}: {problem}"
    answerable = tuple(ticket for ticket in tickets if ticket.ticket not in problems)
    return TicketedArchive(reader, table, labels, answerable, problems)


def present_samples(reader: ShardReader, wanted: pa.Array) -> set[str]:
    """Return which sample_ids an archive has; raises ShardError if a shard is missing or damaged."""
    there: set[str] = set()
    for batch in reader.iterate(("sample_id",), _READ_ROWS):
        there.update(batch.rows.filter(pc.is_in(batch.rows.column("sample_id"), wanted)).column(0).to_pylist())
        if len(there) == len(wanted):
            break
    return there


def _labels(reader: ShardReader, ticket: Ticket) -> LabelTable:
    root, header = reader.store.root, reader.header
    if ticket.veil_id != header.veil_id:
        raise TicketError(
            f"the tickets are about veil {ticket.veil_id}, and {root} is of veil {header.veil_id}; give the archive "
            "that they were opened on"
        )
    if ticket.labels not in list_versions(reader.store):
        there = ", ".join(list_versions(reader.store)) or "none"
        raise TicketError(
            f"the tickets are about label version {ticket.labels}, which {root} does not have (it has {there}); give "
            "the archive that they were opened on"
        )
    table = read_labels(reader.store, ticket.labels)
    if table.digest != ticket.labels_digest and reader.manifest.digest == ticket.archive:
        raise TicketError(
            f"label version {ticket.labels} of {root} has other content than the tickets were opened on; have them "
            "opened anew"
        )
    return table


def _problem(ticket: Ticket, is_there: bool, labels: SampleLabels | None, version: str) -> str | None:
    if not is_there:
        return f"its frame {ticket.sample_id} is not, or no longer, in the archive"
    if ticket.kind is TicketKind.UNLABELLED:
        return f"its frame {ticket.sample_id} has labels in version {version}" if labels else None
    if labels is None:
        return f"its frame {ticket.sample_id} has no labels in version {version}"
    if ticket.kind is not TicketKind.OVERLOOKED and label_place(ticket, labels.boxes) is None:
        return f"the label that it asks about is not in version {version}"
    return None
