"""Tickets ask about the most suspicious labels, once about each object, and of nothing that is not there."""

import json
from pathlib import Path

import pytest

from raypp.errors import OptionError, TicketError
from raypp.shards.reader import ShardReader
from raypp.tickets.ticket import Ticket, TicketKind, read_tickets, state_of, write_tickets
from tests.tickets.archives import BOX, HEAD, labels_of, opened, suspect


def test_the_most_suspicious_come_first_and_each_object_once(archive: Path, tmp_path: Path) -> None:
    samples = [row.sample_id for row in labels_of(archive).rows]
    path = tmp_path / "suspects.csv"
    near = (0.51, *BOX[1:])
    path.write_text(
        HEAD
        + suspect(samples[0], "overlooked", 0.5, ",saw", (0.2, 0.2, 0.1, 0.1))
        + suspect(samples[1], "overlooked", 0.1, ",saw", near)
        + suspect(samples[1], "overlooked", 0.2, ",hammer", BOX)
        + suspect(samples[1], "overlooked", 0.3, ",hammer", (0.1, 0.1, 0.1, 0.1))
    )
    tickets = opened(archive, path)
    assert [(ticket.sample_id, ticket.box) for ticket in tickets] == [
        (samples[1], near),
        (samples[1], (0.1, 0.1, 0.1, 0.1)),
        (samples[0], (0.2, 0.2, 0.1, 0.1)),
    ]
    assert tickets[0].question == "Is this a saw that nobody labelled?"


def test_a_ticket_holds_what_is_asked_and_nothing_else(tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    write_tickets(tmp_path / "tickets.jsonl", tickets)
    lines = [json.loads(line) for line in (tmp_path / "tickets.jsonl").read_text().splitlines()]
    assert {frozenset(line) for line in lines} == {
        frozenset(
            ["ticket", "sample_id", "kind", "box", "class", "question", "archive", "veil_id", "labels", "labels_digest"]
        )
    }
    assert read_tickets(tmp_path / "tickets.jsonl") == tickets
    with pytest.raises(TicketError, match="exists, and may be answered already"):
        write_tickets(tmp_path / "tickets.jsonl", tickets)


@pytest.mark.parametrize(
    ("names", "kind", "box", "message"),
    [
        (",gun", "overlooked", BOX, r"suspects.csv:2: class 'gun' is none of label version"),
        ("saw,saw", "badly-located", (0.3, 0.3, 0.1, 0.1), "has no such label on frame"),
        (",saw", "stolen", BOX, "suspects.csv:2: 'stolen' is not a valid TicketKind"),
        (",saw", "overlooked", (1.5, 0.5, 0.1, 0.1), r"suspects.csv:2: box.0: .* less than or equal to 1 \(got 1.5\)"),
    ],
)
def test_a_suspect_of_another_archive_is_refused(
    archive: Path, tmp_path: Path, names: str, kind: str, box: tuple[float, ...], message: str
) -> None:
    path = tmp_path / "suspects.csv"
    path.write_text(HEAD + suspect(labels_of(archive).rows[0].sample_id, kind, 0.1, names, box))
    with pytest.raises((OptionError, TicketError), match=message):
        opened(archive, path)
    path.write_text(HEAD + suspect("0" * 32, "overlooked", 0.1, ",saw"))
    with pytest.raises(TicketError, match=f"has no frame {'0' * 32}"):
        opened(archive, path)


def test_altered_and_mixed_files_are_refused(archive: Path, tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    write_tickets(path, tickets)
    text = path.read_text()
    state = state_of(ShardReader(str(archive)).manifest.digest, labels_of(archive)).model_copy(
        update={"labels": "other"}
    )
    other = Ticket.of(state, "0" * 32, TicketKind.UNLABELLED, "Which objects?")
    for content, message in (
        (text.replace("Is this a saw", "Is this a man"), r"line 1: ticket \w+ was altered after it was opened"),
        (text + text.splitlines()[0], r"line 4: ticket \w+ stands twice"),
        (text + other.model_dump_json(exclude_none=True), "about another archive or label version than the first"),
        (text.replace('"kind"', '"pixels"', 1), "line 1: kind: Field required"),
        ("", "has no ticket"),
        ("{", "line 1 is no JSON"),
    ):
        path.write_text(content)
        with pytest.raises(TicketError, match=message):
            read_tickets(path)
    with pytest.raises(TicketError, match=r"nowhere\.jsonl cannot be read"):
        read_tickets(tmp_path / "nowhere.jsonl")
