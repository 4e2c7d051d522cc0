"""Answers become a new label version, once and the same however often; nothing else of the archive changes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from raypp.errors import ConflictError, TicketError
from raypp.geometry.boxes import Box
from raypp.shards.labels import write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.tickets.answer import AnswerVerdict, DrawnBox, TicketAnswer
from raypp.tickets.relabelling import apply_answers
from raypp.tickets.suspects import tickets_of_frames
from raypp.tickets.ticket import Ticket, state_of
from raypp.tickets.ticketed import match_archive
from tests.tickets.archives import labels_of, opened, suspects, veiled

_AGREE, _DISAGREE, _CORRECTED = AnswerVerdict.AGREE, AnswerVerdict.DISAGREE, AnswerVerdict.CORRECTED
_RIGHT = DrawnBox(class_name="saw", x=0.6, y=0.5, w=0.2, h=0.3)


def _answers(*given: tuple[Ticket, AnswerVerdict, tuple[DrawnBox, ...] | None]) -> dict[str, TicketAnswer]:
    return {
        ticket.ticket: TicketAnswer(ticket=ticket.ticket, verdict=verdict, boxes=boxes)
        for ticket, verdict, boxes in given
    }


@pytest.fixture
def copy(archive: Path, tmp_path: Path) -> Path:
    """A copy of the archive, to write to."""
    return shutil.copytree(archive, tmp_path / "veiled")


def test_each_verdict_does_what_it_says(copy: Path, tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    overlooked, swapped, badly = tickets
    before = labels_of(copy)
    archive = match_archive(ShardReader(str(copy)), tickets)
    answers = _answers((overlooked, _AGREE, None), (swapped, _AGREE, None), (badly, _CORRECTED, (_RIGHT,)))
    summary = apply_answers(archive, answers, "mended", tmp_path / "answers.jsonl")
    after, unchanged = labels_of(copy, "mended"), before.by_sample()
    rows = after.by_sample()
    own = unchanged[overlooked.sample_id].boxes
    assert rows[overlooked.sample_id].boxes == (*own, Box(1, 0.2, 0.2, 0.1, 0.1))
    (box,) = unchanged[swapped.sample_id].boxes
    assert rows[swapped.sample_id].boxes == (replace(box, class_id=1 - box.class_id),)
    assert rows[badly.sample_id].boxes == (Box(1, 0.6, 0.5, 0.2, 0.3),)
    tickets_of = {ticket.sample_id for ticket in tickets}
    assert {name: row for name, row in rows.items() if name not in tickets_of} == {
        name: row for name, row in unchanged.items() if name not in tickets_of
    }
    assert (summary.changed, summary.unanswered, summary.verdicts) == (3, 0, {"agree": 2, "corrected": 1})
    assert labels_of(copy, before.version) == before
    replies = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert {frozenset(reply) for reply in replies} == {frozenset(["ticket", "verdict", "labels", "labels_digest"])}
    assert {reply["labels_digest"] for reply in replies} == {after.digest}


def test_it_ends_the_same_after_a_kill_between_its_files(
    copy: Path, tickets: tuple[Ticket, ...], tmp_path: Path
) -> None:
    archive = match_archive(ShardReader(str(copy)), tickets)
    answers = _answers((tickets[0], _AGREE, None), (tickets[1], _DISAGREE, None))
    apply_answers(archive, answers, "mended", tmp_path / "answers.jsonl")
    replies, labels = (tmp_path / "answers.jsonl").read_bytes(), labels_of(copy, "mended").digest
    (tmp_path / "answers.jsonl").unlink()
    apply_answers(archive, answers, "mended", tmp_path / "answers.jsonl")
    assert ((tmp_path / "answers.jsonl").read_bytes(), labels_of(copy, "mended").digest) == (replies, labels)
    more = answers | _answers((tickets[2], _CORRECTED, ()))
    with pytest.raises(ConflictError, match="label version mended exists with other content; choose another name"):
        apply_answers(archive, more, "mended", tmp_path / "answers.jsonl")
    with pytest.raises(ConflictError, match="is the one that the tickets are about"):
        apply_answers(archive, answers, archive.table.version, tmp_path / "answers.jsonl")
    with pytest.raises(TicketError, match="no ticket is answered"):
        apply_answers(archive, {}, "else", tmp_path / "answers.jsonl")


def test_a_label_goes_where_nothing_is(copy: Path, tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    archive = match_archive(ShardReader(str(copy)), tickets)
    answers = _answers((tickets[0], _DISAGREE, None), (tickets[2], _CORRECTED, ()))
    apply_answers(archive, answers, "mended", tmp_path / "answers.jsonl")
    rows = labels_of(copy, "mended").by_sample()
    assert rows[tickets[2].sample_id].boxes == ()
    assert rows[tickets[0].sample_id] == labels_of(copy, archive.table.version).by_sample()[tickets[0].sample_id]


def test_frames_that_nobody_labelled_get_labels(copy: Path, tmp_path: Path) -> None:
    """As `--hardest` asks about them: an empty answer is one, too."""
    whole = labels_of(copy)
    free = [row.sample_id for row in whole.rows[:3]]
    table = write_labels(Store(str(copy)), "some", whole.classes, whole.veil_id, whole.rows[3:])
    reader = ShardReader(str(copy))
    tickets = tickets_of_frames(free, state_of(reader.manifest.digest, table))
    archive = match_archive(reader, tickets)
    answers = _answers(
        (tickets[0], _CORRECTED, (_RIGHT,)),
        (tickets[1], _CORRECTED, ()),
        (tickets[2], AnswerVerdict.OUT_OF_SCOPE, None),
    )
    apply_answers(archive, answers, "more", tmp_path / "answers.jsonl")
    rows = labels_of(copy, "more").by_sample()
    assert (len(rows[free[0]].boxes), rows[free[1]].boxes, rows[free[0]].split) == (1, (), "train")
    assert free[2] not in rows


def test_variants_of_a_mended_frame_are_left_out_since_their_labels_are_not_mended(tmp_path: Path) -> None:
    copy = veiled(tmp_path, count=3, variants=2)
    path = tmp_path / "suspects.csv"
    path.write_text(suspects(copy))
    tickets = opened(copy, path)
    archive = match_archive(ShardReader(str(copy)), tickets)
    summary = apply_answers(archive, _answers((tickets[0], _AGREE, None)), "mended", tmp_path / "answers.jsonl")
    before, after = labels_of(copy, archive.table.version).by_sample(), labels_of(copy, "mended").by_sample()
    gone = [row for name, row in before.items() if name not in after]
    assert summary.variants_dropped == len(gone)
    assert sum(row.variant > 0 for row in before.values()) - len(gone) == sum(row.variant > 0 for row in after.values())
    assert {row.variant for row in gone} <= {1, 2}


def test_tickets_of_another_archive_are_refused(
    copy: Path, archive: Path, tickets: tuple[Ticket, ...], tmp_path: Path
) -> None:
    other = veiled(tmp_path / "other", count=3)
    with pytest.raises(TicketError, match=r"the tickets are about veil .* is of veil"):
        match_archive(ShardReader(str(other)), tickets)
    table = labels_of(copy)
    shutil.rmtree(copy / "labels" / table.version)
    with pytest.raises(TicketError, match=f"about label version {table.version}, which .* does not have"):
        match_archive(ShardReader(str(copy)), tickets)
    write_labels(Store(str(copy)), table.version, table.classes, table.veil_id, table.rows[1:])
    with pytest.raises(TicketError, match="has other content than the tickets were opened on"):
        match_archive(ShardReader(str(copy)), tickets)


def test_frames_and_labels_that_are_gone_are_named_and_the_others_are_answered(
    archive: Path, tickets: tuple[Ticket, ...], tmp_path: Path
) -> None:
    """An archive that has lost a frame since the tickets were opened has another manifest and other labels."""
    reader = ShardReader(str(archive))
    changed = [
        Ticket.of(
            ticket.state.model_copy(update={"archive": "0" * 64, "labels_digest": "1" * 64}),
            "f" * 32 if number == 0 else ticket.sample_id,
            ticket.kind,
            ticket.question,
            ticket.box if number != 2 else (0.1, 0.1, 0.05, 0.05),
            ticket.class_name,
        )
        for number, ticket in enumerate(tickets)
    ]
    matched = match_archive(reader, changed)
    assert matched.tickets == (changed[1],)
    assert [problem.partition(": ")[2] for problem in matched.problems.values()] == [
        f"its frame {'f' * 32} is not, or no longer, in the archive",
        f"the label that it asks about is not in version {matched.table.version}",
    ]
    with pytest.raises(TicketError, match="about another archive"):
        match_archive(reader, changed[:1])
