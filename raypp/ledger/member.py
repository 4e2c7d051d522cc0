"""One ledger among several: opened when it is first needed, and passed over while it does not answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from sqlalchemy import text

from raypp.errors import LedgerBusyError, LedgerError, LedgerFullError, LedgerUnavailableError, SiteMovingError
from raypp.ledger.store import Ledger

_SLOW_S = 5.0
"""Nobody waits for a ledger that has not answered for so long."""
_TURN_S = 0.5
_AGAIN_S = 3.0
"""Nobody asks a ledger for so long after it could not be reached."""

_Answer = TypeVar("_Answer")

logger = logging.getLogger("raypp.ledger")


class Member:
    """One ledger of several. Safe to use from several threads.

    Args:
        name: its name among them.
        open_ledger: opens it; raises LedgerUnavailableError while it cannot be reached.
        is_home: whether operators' tokens count that stand in it.
        open_again: opens it where the first try failed, or it was broken; None: as the first. It makes none: where a
            ledger is not there later on, its operator is about to put it back.
    """

    def __init__(
        self,
        name: str,
        open_ledger: Callable[[], Ledger],
        *,
        is_home: bool,
        open_again: Callable[[], Ledger] | None = None,
    ) -> None:
        self.name = name
        self.is_home = is_home
        self._open_ledger = open_ledger
        self._open_again = open_again or open_ledger
        self._opened: Ledger | None = None
        self._broken: Ledger | None = None
        self._opening = threading.Lock()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._asked_at: dict[object, float] = {}
        self._closed_until = 0.0
        self._trouble = ""

    def ledger(self) -> Ledger:
        """Return the open ledger.

        Raises:
            LedgerError: if it cannot be opened; LedgerUnavailableError where that may be otherwise in a moment.
        """
        opened = self._opened
        if opened is not None:  # whoever opens it anew holds nobody up
            return opened
        with self._opening:
            if self._opened is None:
                open_ledger, self._open_ledger = self._open_ledger, self._open_again
                self._opened = open_ledger()
            return self._opened

    def open(self) -> None:
        """Open it now, however long it takes to bring it up to date; what is wrong with it is logged once.

        Raises:
            LedgerUnavailableError: if it cannot be opened just now, whatever is wrong with it.
        """
        with self._passed_over():
            self.ledger()

    def ask(self, question: Callable[["Member"], _Answer], *, takes_long: bool = False) -> _Answer:
        """Return an answer, or within five seconds that there is none: nobody waits for a ledger that hangs.

        Of questions that take no time, one is asked at a time; a further one waits for its turn for half a second. A
        ledger that is broken is as good as one that does not answer, and what is wrong with it is logged once.

        Args:
            question: is asked with this ledger, in a thread that may have to be left behind.
            takes_long: whether it may take longer than five seconds, for as long as the ledger answers others.

        Raises:
            LedgerUnavailableError: if it does not answer, or somebody has waited for it for five seconds by now.
        """
        if self._is_slow() or time.monotonic() < self._closed_until:
            raise self._unavailable()
        if takes_long:
            return self._answer_of(question, Future(), self.require_answer)
        if not self._turn.acquire(timeout=_TURN_S):
            raise self._unavailable()
        return self._answer_in_turn(question)

    def require_answer(self) -> None:
        """Raise LedgerUnavailableError unless this answers within five seconds, or is answering others."""
        if self._is_slow():
            raise self._unavailable()
        if self._turn.acquire(timeout=_TURN_S):
            with suppress(LedgerBusyError):  # that is an answer
                self._answer_in_turn(_ping)
        elif self._is_slow():
            raise self._unavailable()

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    def _is_slow(self) -> bool:
        """Say whether somebody has waited for longer than anybody has to."""
        now = time.monotonic()
        with self._lock:
            return any(now - asked_at > _SLOW_S for asked_at in self._asked_at.values())

    def _answer_in_turn(self, question: Callable[["Member"], _Answer]) -> _Answer:
        """Ask, and give the turn back once there is an answer, however late that is."""
        answer: Future[_Answer] = Future()
        with self._lock:
            self._asked_at[answer] = time.monotonic()
        answer.add_done_callback(self._short_one_done)
        return self._answer_of(question, answer, self._give_up)

    def _answer_of(
        self, question: Callable[["Member"], _Answer], answer: Future[_Answer], require_patience: Callable[[], None]
    ) -> _Answer:
        # Not of a pool, which would wait for it at the end of the process.
        run = partial(copy_context().run, self._ask_now, question, answer)
        threading.Thread(target=run, name=f"asking-{self.name}", daemon=True).start()
        while not wait([answer], _SLOW_S).done:
            try:
                require_patience()
            except LedgerUnavailableError:
                if not answer.done():
                    raise
        with self._passed_over():
            return answer.result()

    def _ask_now(self, question: Callable[["Member"], _Answer], answer: Future[_Answer]) -> None:
        try:
            self._mend()
            answer.set_result(question(self))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            answer.set_exception(error)

    def _mend(self) -> None:
        """Open it anew where it was broken: what is there now may be of an older raypp."""
        with self._opening:
            broken = self._broken
            if broken is None or broken is not self._opened:
                return
            self._opened = self._open_again()
        broken.close()  # whoever still has it goes on, with new connections

    def _give_up(self) -> None:
        error = self._unavailable()
        self._pass_over(str(error))
        raise error

    @contextmanager
    def _passed_over(self) -> Iterator[None]:
        """Let nobody ask for a while where it cannot be reached, or is broken; one that is broken is opened anew."""
        try:
            yield
        except (SiteMovingError, LedgerBusyError, LedgerFullError):  # it answers
            raise
        except LedgerUnavailableError as error:
            self._pass_over(str(error))
            raise
        except LedgerError as error:
            if type(error) is not LedgerError:  # an answer, such as that a site is unknown
                raise
            self._pass_over(str(error))
            self._broken = self._opened
            raise LedgerUnavailableError(f"ledger {self.name} cannot be used: {error}") from error
        else:
            self._trouble = ""

    def _pass_over(self, trouble: str) -> None:
        with self._lock:
            self._closed_until = time.monotonic() + _AGAIN_S
            is_new, self._trouble = trouble != self._trouble, trouble
        if is_new:
            logger.warning("raypp: ledger %s is passed over: %s", self.name, trouble)

    def _short_one_done(self, answer: "Future[_Answer]") -> None:
        with self._lock:
            del self._asked_at[answer]
        self._turn.release()

    def _unavailable(self) -> LedgerUnavailableError:
        return LedgerUnavailableError(f"ledger {self.name} does not answer just now; try again")


def _ping(member: Member) -> None:
    with member.ledger().database.read() as connection:
        connection.execute(text("SELECT 1"))
