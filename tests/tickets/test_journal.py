"""No answer that was acknowledged is ever lost; one that does not fit its ticket is refused in a line."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from raypp.errors import TicketError
from raypp.tickets.answer import AnswerVerdict, DrawnBox, TicketAnswer
from raypp.tickets.journal import AnswerJournal, read_answers
from raypp.tickets.ticket import Ticket, write_tickets
from tests.command import ROOT

_CLASSES = ("hammer", "saw")
_AGREE, _DISAGREE, _CORRECTED = AnswerVerdict.AGREE, AnswerVerdict.DISAGREE, AnswerVerdict.CORRECTED

_ANSWERING = """
import sys
from pathlib import Path
from raypp.tickets.answer import AnswerVerdict, TicketAnswer
from raypp.tickets.journal import AnswerJournal
from raypp.tickets.ticket import read_tickets

tickets = read_tickets(Path(sys.argv[1]))
with AnswerJournal(Path(sys.argv[2]), tickets, ("hammer", "saw")) as journal:
    while True:
        for verdict in (AnswerVerdict.DISAGREE, AnswerVerdict.WITHDRAWN):
            for ticket in tickets:
                journal.add(TicketAnswer(ticket=ticket.ticket, verdict=verdict))
                print(ticket.ticket, verdict, flush=True)
"""


def _answer(ticket: Ticket, verdict: AnswerVerdict, *boxes: tuple[str, float, float, float, float]) -> TicketAnswer:
    drawn = tuple(DrawnBox(class_name=name, x=x, y=y, w=w, h=h) for name, x, y, w, h in boxes)
    return TicketAnswer(ticket=ticket.ticket, verdict=verdict, boxes=drawn if verdict is _CORRECTED else None)


def test_a_killed_process_has_lost_no_answer(tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    write_tickets(tmp_path / "tickets.jsonl", tickets)
    words = [sys.executable, "-c", _ANSWERING, str(tmp_path / "tickets.jsonl"), str(tmp_path / "given.jsonl")]
    for acknowledgements in (1, 7, 20):
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
            heard = [process.stdout.readline() for _ in range(acknowledgements)]
            os.kill(process.pid, signal.SIGKILL)
            heard += process.stdout.readlines()
        lines = (tmp_path / "given.jsonl").read_text().splitlines()
        kept = [(line.split('"')[3], line.split('"')[7]) for line in lines if line.endswith("}")]
        acknowledged = [tuple(line.split()) for line in heard if line.endswith("\n")]
        assert kept[: len(acknowledged)] == acknowledged
        assert len(kept) <= len(acknowledged) + 1
        (tmp_path / "given.jsonl").unlink()


@pytest.mark.parametrize("cut", range(1, 50, 12))
def test_a_line_cut_off_is_dropped_and_the_rest_stands(tickets: tuple[Ticket, ...], tmp_path: Path, cut: int) -> None:
    path = tmp_path / "given.jsonl"
    with AnswerJournal(path, tickets, _CLASSES) as journal:
        journal.add(_answer(tickets[0], _AGREE))
        journal.add(_answer(tickets[1], _DISAGREE))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes()[:-cut])
    for _ in range(2):  # what the first one mended, the second one finds in order
        with AnswerJournal(path, tickets, _CLASSES) as journal:
            whole = {tickets[0].ticket, tickets[1].ticket} if cut == 1 else {tickets[0].ticket}
            assert set(journal.answers) == whole
    with AnswerJournal(path, tickets, _CLASSES) as journal:
        assert journal.add(_answer(tickets[1], _DISAGREE)) is (cut > 1)
        assert set(journal.answers) == {tickets[0].ticket, tickets[1].ticket}


def test_an_answer_stands_until_it_is_withdrawn(tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    with AnswerJournal(tmp_path / "given.jsonl", tickets, _CLASSES) as journal:
        journal.add(_answer(tickets[0], _AGREE))
        with pytest.raises(TicketError, match=f"ticket {tickets[0].ticket} is answered twice"):
            journal.add(_answer(tickets[0], _DISAGREE))
        journal.add(_answer(tickets[0], AnswerVerdict.WITHDRAWN))
        journal.add(_answer(tickets[0], _DISAGREE))
        with pytest.raises(TicketError, match="being written by another process"):
            AnswerJournal(tmp_path / "given.jsonl", tickets, _CLASSES)
    with AnswerJournal(tmp_path / "given.jsonl", tickets, _CLASSES) as journal:
        assert journal.answers[tickets[0].ticket].verdict is _DISAGREE


@pytest.mark.parametrize(
    ("number", "verdict", "boxes", "message"),
    [
        (0, _CORRECTED, [("gun", 0.5, 0.5, 0.1, 0.1)], "class 'gun' is none of the labels' hammer, saw"),
        (0, _CORRECTED, [("saw", 0.98, 0.5, 0.1, 0.1)], r"the box \(0.98, 0.5, 0.1, 0.1\) lies outside the frame"),
        (0, _CORRECTED, [("saw", 0.5, 0.5, 0.0, 0.1)], "has no area"),
        (2, _AGREE, [], "a badly located label is answered by 'corrected' with the right box, or 'disagree'"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    tickets: tuple[Ticket, ...], tmp_path: Path, number: int, verdict: AnswerVerdict, boxes: list, message: str
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(_answer(tickets[number], verdict, *boxes).model_dump_json(exclude_none=True))
    with pytest.raises(TicketError, match=rf"answers.jsonl: ticket {tickets[number].ticket}: .*{message}"):
        read_answers(path, tickets, _CLASSES)


def test_files_of_answers_are_refused_by_line(tickets: tuple[Ticket, ...], tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    good = _answer(tickets[0], _AGREE).model_dump_json(exclude_none=True)
    for content, message in (
        (f"{good}\n{good}\n", f"ticket {tickets[0].ticket} is answered twice"),
        (good.replace(tickets[0].ticket, "0" * 16), f"ticket {'0' * 16} is none of the ticket file"),
        (f"{good}\n{good[:-9]}", "line 2 is no JSON"),
        (good.replace('"agree"', '"yes"'), "line 1: verdict: Input should be 'agree'"),
        (good.replace('"agree"', '"agree","pixels":"AAAA"'), "line 1: pixels: Extra inputs are not permitted"),
        (good.replace('"agree"', '"corrected"'), "has boxes, or an empty list"),
    ):
        path.write_text(content)
        with pytest.raises(TicketError, match=message):
            read_answers(path, tickets, _CLASSES)
