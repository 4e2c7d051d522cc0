"""Work that takes long, in threads that no commit waits for: one piece at a time for each caller."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

from raypp.serving.status import Status, StatusError

_MOST_WAITING = 8

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


@dataclass
class _Caller:
    """A caller that has work under way, and how many of its calls wait for their turn."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Turns:
    """Gives each caller one thread at a time. To be used from one event loop.

    Args:
        threads: how many there are, for all callers together.
        name: of the threads.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, name)
        self._callers: dict[str, _Caller] = {}

    async def only(
        self,
        caller: str,
        blocking: Callable[_Arguments, _Result],
        *args: _Arguments.args,
        **options: _Arguments.kwargs,
    ) -> _Result:
        """Do a piece of work now; raises RefusedError (RESOURCE_EXHAUSTED) while another one of the caller's is."""
        if caller in self._callers:
            words = "a report for this token is being made; ask again when it is there"
            raise StatusError(Status.RESOURCE_EXHAUSTED, words)
        return await self.next(caller, blocking, *args, **options)

    async def next(
        self,
        caller: str,
        blocking: Callable[_Arguments, _Result],
        *args: _Arguments.args,
        **options: _Arguments.kwargs,
    ) -> _Result:
        """Do a piece of work when the caller's others are done.

        Whoever stops waiting leaves the work that was begun running, and it stays the caller's turn until it ends.

        Raises:
            RefusedError: RESOURCE_EXHAUSTED where too many of the caller's wait.
        """
        known = self._callers.setdefault(caller, _Caller())
        if known.waiting >= _MOST_WAITING:
            raise StatusError(Status.RESOURCE_EXHAUSTED, "too many calls of this token wait for theirs; try again")
        known.waiting += 1
        try:
            await known.turn.acquire()
        finally:
            known.waiting -= 1
            self._forget(caller, known)
        work = asyncio.get_running_loop().run_in_executor(self._threads, partial(blocking, *args, **options))
        work.add_done_callback(partial(self._done, caller, known))
        return await asyncio.shield(work)

    def _done(self, caller: str, known: _Caller, work: "asyncio.Future[_Result]") -> None:
        if not work.cancelled():
            work.exception()  # looked at, also where nobody waits for it any more
        known.turn.release()
        self._forget(caller, known)

    def _forget(self, caller: str, known: _Caller) -> None:
        if not known.waiting and not known.turn.locked():
            self._callers.pop(caller, None)
