"""Tasks and threads that nobody may ever wait for."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def in_background(work: Coroutine[Any, Any, _Result], running: set["asyncio.Task[Any]"]) -> "asyncio.Task[_Result]":
    """Start a task that nobody may ever wait for: it is held until it ends, and its error is no news."""
    task = asyncio.get_running_loop().create_task(work)
    running.add(task)
    task.add_done_callback(running.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


class BackgroundThreads:
    """Runs what blocks, a few at a time; the end of the process waits for none that hangs, as it would for a pool's.

    To be used from one event loop.

    Args:
        most: how many run at a time; others wait.
        name: of the threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._free = asyncio.Semaphore(most)
        self._name = name

    async def run(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Return what a call returns, or raise what it raises; whoever is cancelled leaves it running."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_Result] = loop.create_future()
        work = partial(blocking, *args, **options)
        threading.Thread(target=self._work, args=(work, answer, loop), name=self._name, daemon=True).start()
        return await answer

    def _work(
        self, work: Callable[[], _Result], answer: "asyncio.Future[_Result]", loop: asyncio.AbstractEventLoop
    ) -> None:
        try:
            settle = partial(answer.set_result, work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
            settle = partial(answer.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._done, answer, settle)

    def _done(self, answer: "asyncio.Future[_Result]", settle: Callable[[], None]) -> None:
        self._free.release()
        if not answer.done():
            settle()
