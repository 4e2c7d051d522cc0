"""The owner's file of answers: each is on the disk before it counts, so a killed process loses none."""

import fcntl
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from raypp.errors import TicketError
from raypp.tickets.answer import AnswerVerdict, TicketAnswer, check_answer
from raypp.tickets.json_lines import parse_lines, read_lines, to_line
from raypp.tickets.ticket import Ticket

_MOST_BYTES = 64_000_000


class AnswerJournal:
    """Answers to a file of tickets, of mode 0600 and appended one by one; used as a context manager.

    A last line that was cut off by a kill or a loss of power was never acknowledged, and is dropped.

    Args:
        path: the file; it is made where it is not there.
        tickets: the tickets.
        classes: names of the classes of the label version.

    Raises:
        TicketError: if another process writes it, it cannot be read or written, or an answer in it is wrong.
    """

    def __init__(self, path: Path, tickets: Sequence[Ticket], classes: Sequence[str]) -> None:
        self._path, self._classes = path, classes
        self._tickets = {ticket.ticket: ticket for ticket in tickets}
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise TicketError(f"answers {path}: {error.strerror}; choose a place that can be written") from None
        try:
            self._answers = self._recover()
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    @property
    def answers(self) -> Mapping[str, TicketAnswer]:
        """Answers that stand, by ticket."""
        return self._answers

    def add(self, answer: TicketAnswer) -> bool:
        """Add an answer, and have it on the disk; returns False if just that answer was there.

        Raises:
            TicketError: if it does not fit its ticket, its ticket has another answer, or it cannot be written.
        """
        known = self._answers.get(answer.ticket)
        if known == answer:
            return False
        after = fold_answers([*self._answers.values(), answer], self._tickets, self._classes, str(self._path))
        line = to_line(answer)
        try:
            end = os.fstat(self._file).st_size
            if os.write(self._file, line) != len(line):
                os.ftruncate(self._file, end)
                raise TicketError(f"answers {self._path}: the disk is full; free some space and answer again")
            os.fsync(self._file)
        except OSError as error:
            raise TicketError(f"answers {self._path}: {error.strerror}; free some space and answer again") from None
        self._answers = after
        return True

    def _recover(self) -> dict[str, TicketAnswer]:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TicketError(f"answers {self._path} are being written by another process; end that first") from None
        content = os.pread(self._file, _MOST_BYTES, 0)
        where = f"answers {self._path}"
        end = content.rfind(b"\n") + 1
        answers = [answer for _, answer in parse_lines(content[:end], TicketAnswer, where)]
        try:
            answers += [answer for _, answer in parse_lines(content[end:], TicketAnswer, where)]
        except TicketError:  # cut off while it was written
            os.ftruncate(self._file, end)
        else:
            if content[end:]:
                os.write(self._file, b"\n")
        return fold_answers(answers, self._tickets, self._classes, where)


def read_answers(path: Path, tickets: Sequence[Ticket], classes: Sequence[str]) -> dict[str, TicketAnswer]:
    """Read a file of answers that is only read, such as one that a script wrote.

    Args:
        path: the file.
        tickets: the tickets that it answers.
        classes: names of the classes of the label version.

    Raises:
        TicketError: naming file, ticket and fault, if it cannot be read, or an answer is wrong or stands twice.
    """
    answers = [answer for _, answer in read_lines(path, TicketAnswer, "answers")]
    return fold_answers(answers, {ticket.ticket: ticket for ticket in tickets}, classes, f"answers {path}")


def fold_answers(
    answers: Iterable[TicketAnswer], tickets: Mapping[str, Ticket], classes: Sequence[str], where: str
) -> dict[str, TicketAnswer]:
    """Return the answers that stand, by ticket; one that was withdrawn does not.

    Raises:
        TicketError: naming `where` and the ticket, if an answer is of no ticket, does not fit, or stands twice.
    """
    standing: dict[str, TicketAnswer] = {}
    for answer in answers:
        ticket = tickets.get(answer.ticket)
        if ticket is None:
            raise TicketError(
                f"{where}: ticket {answer.ticket} is none of the ticket file; give the tickets it answers"
            )
        if answer.verdict is AnswerVerdict.WITHDRAWN:
            standing.pop(answer.ticket, None)
            continue
        try:
            check_answer(answer, ticket, classes)
        except ValueError as error:
            raise TicketError(f"{where}: ticket {answer.ticket}: {error}; correct the answer") from None
        if answer.ticket in standing:
            raise TicketError(f"{where}: ticket {answer.ticket} is answered twice; keep one of the answers")
        standing[answer.ticket] = answer
    return standing
