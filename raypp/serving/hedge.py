"""Calls that are made again before they have failed, and how many of them may be."""

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from typing import Any, Protocol, TypeVar

_Result = TypeVar("_Result")
_Answer_co = TypeVar("_Answer_co", covariant=True)

_SHARE = 0.05
_BURST = 10.0
"""A lost node leaves a few calls of each gateway without an answer at once; where all are slow, few are doubled."""


class Call(Protocol[_Answer_co]):
    """A call that is under way."""

    def __await__(self) -> Generator[Any, Any, _Answer_co]:
        """Wait for its answer."""

    def cancel(self) -> object:
        """Tell whoever computes the answer that nobody waits for it."""


class HedgeBudget:
    """How many calls may be made again: a share of all calls, and a few more at once.

    Where everything is slow, calls that are made again would slow it further. Used from one event loop.
    """

    def __init__(self) -> None:
        self._left = _BURST

    def called(self) -> None:
        """Count a call that is made for the first time."""
        self._left = min(_BURST, self._left + _SHARE)

    def spend(self) -> bool:
        """Take what a call that is made again costs; False where too little is left."""
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def first_answer(
    call: Callable[[], Call[_Result]], again_after_s: float, most: int, may_repeat: Callable[[], Awaitable[bool]]
) -> _Result:
    """Make a call, and make it again whenever none has answered for so long.

    Whom the first call went to may be on a node that was lost, and nobody may know it yet.

    Args:
        call: makes a call that may be made twice, and answers the same.
        again_after_s: seconds before the next one.
        most: calls that are made, at most.
        may_repeat: says whether the call may be made again just now.

    Returns:
        The first answer; calls that are still under way are cancelled where they are computed, too.

    Raises:
        Exception: of the last call that failed, once none is under way.
    """
    running = {asyncio.ensure_future(awaited(call))}
    calls = 1
    try:
        while True:
            done, running = await asyncio.wait(
                running, timeout=again_after_s if calls < most else None, return_when=asyncio.FIRST_COMPLETED
            )
            answers = [task for task in done if task.exception() is None]
            if answers:
                return answers[0].result()
            if done and not running:
                return done.pop().result()
            if not done and await may_repeat():
                calls += 1
                running.add(asyncio.ensure_future(awaited(call)))
    finally:
        for task in running:
            task.cancel()


async def awaited(call: Callable[[], Call[_Result]]) -> _Result:
    """Make a call and wait for its answer; where its caller stops waiting, it is cancelled where it is computed, too.

    Raises:
        Exception: of the call.
    """
    under_way = call()
    try:
        return await under_way
    except asyncio.CancelledError:
        with suppress(Exception):  # what has failed meanwhile needs no end
            under_way.cancel()
        raise
