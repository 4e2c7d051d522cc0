"""Calls that are made again before they have failed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

_Result = TypeVar("_Result")


async def first_answer(call: Callable[[], Awaitable[_Result]], again_after_s: float, most: int) -> _Result:
    """Make a call, and make it again whenever none has answered for so long.

    Whom the first call went to may be on a node that was lost, and nobody may know it yet.

    Args:
        call: makes a call that may be made twice, and answers the same.
        again_after_s: seconds before the next one.
        most: calls under way, at most.

    Returns:
        The first answer; calls that are still under way are cancelled.

    Raises:
        Exception: of the last call that failed, once none is under way.
    """
    running: set[asyncio.Task[_Result]] = set()
    calls = 0
    try:
        while True:
            if calls < most:
                calls += 1
                running.add(asyncio.ensure_future(_answer(call)))
            done, running = await asyncio.wait(
                running, timeout=again_after_s if calls < most else None, return_when=asyncio.FIRST_COMPLETED
            )
            answers = [task for task in done if task.exception() is None]
            if answers:
                return answers[0].result()
            if done and not running:
                return done.pop().result()
    finally:
        for task in running:
            task.cancel()


async def _answer(call: Callable[[], Awaitable[_Result]]) -> _Result:
    return await call()
