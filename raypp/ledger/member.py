"""One ledger among several: opened when it is first needed, and passed over while it does not answer."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from raypp.errors import LedgerUnavailableError, SiteMovingError
from raypp.ledger.store import Ledger

_SLOW_S = 5.0
"""Nobody else asks a ledger that has not answered for so long."""
_TURN_S = 0.5
_AGAIN_S = 3.0
"""Nobody asks a ledger for so long after it could not be reached."""

_Answer = TypeVar("_Answer")


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

    def ledger(self) -> Ledger:
        """Return the open ledger.

        Raises:
            LedgerError: if it cannot be opened; LedgerUnavailableError where that may be otherwise in a moment.
        """
        with self._opening:
            if self._opened is None:
                self._opened = self._open_ledger()
            return self._opened

    def ask(self, question: Callable[["Member"], _Answer], *, takes_long: bool = False) -> _Answer:
        """Return an answer, or soon that there is none: others are not to wait for a ledger that does not answer.

        Of questions that take no time, one is asked at a time; a further one waits for its turn for half a second.

        Args:
            question: is asked with this ledger.
            takes_long: whether it may take longer than others have to wait for.

        Raises:
            LedgerUnavailableError: if it does not answer, or somebody has waited for it for five seconds by now.
        """
        call = object()
        now = time.monotonic()
        with self._lock:
            slow = any(now - asked_at > _SLOW_S for asked_at in self._asked_at.values())
            if slow or now < self._closed_until:
                raise LedgerUnavailableError(f"ledger {self.name} does not answer just now; try again")
        if not takes_long and not self._turn.acquire(timeout=_TURN_S):
            raise LedgerUnavailableError(f"ledger {self.name} does not answer just now; try again")
        with self._lock:
            self._asked_at[call] = time.monotonic()
        try:
            return question(self)
        except SiteMovingError:
            raise
        except LedgerUnavailableError:
            with self._lock:
                self._closed_until = time.monotonic() + _AGAIN_S
            raise
        finally:
            with self._lock:
                del self._asked_at[call]
            if not takes_long:
                self._turn.release()

    def close(self) -> None:
        """Close it, if it was opened."""
        if self._opened is not None:
            self._opened.close()
