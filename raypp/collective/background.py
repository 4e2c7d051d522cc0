"""Calls in a thread of their own, beside long work in the main one: who stops the program stops the work at once."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
HandOver = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Has work done by the thread that waits, and gives what comes of it."""


def run_beside(talk: Callable[[HandOver], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine in a thread of its own, and in this one the work that it hands over.

    A signal, such as Ctrl-C, reaches this thread. It ends the work, then the coroutine, and is raised.

    Args:
        talk: makes the coroutine, which is given what hands work over.
    """
    todo: SimpleQueue[Callable[[], bool]] = SimpleQueue()
    outcome: list[Any] = []
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def hand_over(work: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def do() -> bool:
            try:
                result = work()
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                _post(loop, _set, future.set_exception, future, error)
            else:
                _post(loop, _set, future.set_result, future, result)
            return True

        todo.put(do)
        return await future

    async def whole() -> Result:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - it runs in one
        running.append((asyncio.get_running_loop(), task))
        return await talk(hand_over)

    def beside() -> None:
        try:
            outcome[:] = [asyncio.run(whole()), None]
        except BaseException as error:  # noqa: BLE001 - raised by the other thread
            outcome[:] = [None, error]
        todo.put(lambda: False)

    thread = threading.Thread(target=beside)
    thread.start()
    try:
        while todo.get()():
            pass
    except BaseException:
        for loop, task in running:
            _post(loop, task.cancel)
        thread.join()
        raise
    thread.join()
    result, error = outcome
    if error is not None:
        raise error
    return result  # type: ignore[no-any-return]


def _set(setter: Callable[[Any], None], future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        setter(value)


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: Any) -> None:
    with suppress(RuntimeError):  # the loop has ended
        loop.call_soon_threadsafe(call, *arguments)
