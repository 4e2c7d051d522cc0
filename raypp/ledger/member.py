"""One ledger among several: opened when it is first needed, and passed over while it does not answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import TypeVar

from sqlalchemy import text

from raypp.errors import LedgerError, LedgerUnavailableError, SiteMovingError
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
    """

    def __init__(self, name: str, open_ledger: Callable[[], Ledger], *, is_home: bool) -> None:
        self.name = name
        self.is_home = is_home
        self._open_ledger = open_ledger
        self._opened: Ledger | None = None
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
        with self._opening:
            if self._opened is None:
                self._opened = self._open_ledger()
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
        now = time.monotonic()
        with self._lock:
            slow = any(now - asked_at > _SLOW_S for asked_at in self._asked_at.values())
            if slow or now < self._closed_until:
                raise self._unavailable()
        if not takes_long and not self._turn.acquire(timeout=_TURN_S):
            raise self._unavailable()
        answer: Future[_Answer] = Future()
        if not takes_long:
            with self._lock:
                self._asked_at[answer] = time.monotonic()
            answer.add_done_callback(self._short_one_done)
        # Not of a pool, which would wait for it at the end of the process.
        run = partial(copy_context().run, _answer, answer, question, self)
        threading.Thread(target=run, name=f"asking-{self.name}", daemon=True).start()
        with self._passed_over():
            while not answer.done():
                try:
                    return answer.result(_SLOW_S)
                except TimeoutError:
                    if not answer.done():
                        self._require_patience(takes_long)
            return answer.result()

    def require_answer(self) -> None:
        """Raise LedgerUnavailableError unless this answers within five seconds."""
        self.ask(_ping)

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._opened is not None:
            self._opened.close()

    def _require_patience(self, takes_long: bool) -> None:
        if not takes_long:
            raise self._unavailable()
        self.require_answer()

    @contextmanager
    def _passed_over(self) -> Iterator[None]:
        """Let nobody ask for a while where it cannot be reached, or is broken."""
        try:
            yield
        except SiteMovingError:
            raise
        except LedgerUnavailableError as error:
            self._pass_over(str(error))
            raise
        except LedgerError as error:
            if type(error) is not LedgerError:  # an answer, such as that a site is unknown
                raise
            self._pass_over(str(error))
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


def _answer(answer: "Future[_Answer]", question: Callable[[Member], _Answer], member: Member) -> None:
    try:
        answer.set_result(question(member))
    except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
        answer.set_exception(error)


def _ping(member: Member) -> None:
    with member.ledger().database.read() as connection:
        connection.execute(text("SELECT 1"))
