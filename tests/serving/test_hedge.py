"""Calls that are begun again while the first of them is silent."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from raypp.serving.hedge import first_answer

_AGAIN_S = 0.1


def _calls(*behaviours: "float | Exception") -> tuple[Callable[[], Awaitable[int]], list[int], list[int]]:
    """Calls that take so many seconds each, or fail; lists those that are made, and those that are cancelled."""
    begun: list[int] = []
    cancelled: list[int] = []

    async def call() -> int:
        number = len(begun)
        begun.append(number)
        behaviour = behaviours[number]
        if isinstance(behaviour, Exception):
            await asyncio.sleep(0.05)
            raise behaviour
        try:
            await asyncio.sleep(behaviour)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    return call, begun, cancelled


def _answer(call: Callable[[], Awaitable[int]], most: int) -> int:
    async def run() -> int:
        answer = await first_answer(call, _AGAIN_S, most)
        await asyncio.sleep(0)  # for what is cancelled to end
        return answer

    return asyncio.run(run())


def test_who_answers_in_time_is_not_called_twice() -> None:
    call, begun, _ = _calls(0.01, 0.01)
    assert _answer(call, 3) == 0
    assert begun == [0]


def test_a_silent_one_costs_the_time_until_the_next_is_called() -> None:
    call, begun, cancelled = _calls(60, 0.01)
    begin = time.monotonic()
    assert _answer(call, 3) == 1
    assert time.monotonic() - begin < 10
    assert (begun, cancelled) == ([0, 1], [0])


def test_the_first_may_still_answer_while_another_fails() -> None:
    call, begun, _ = _calls(0.4, ValueError("gone"))
    assert _answer(call, 2) == 0
    assert begun == [0, 1]


def test_no_more_are_called_than_may_be() -> None:
    call, begun, _ = _calls(0.5, 60, 60, 60)
    assert _answer(call, 2) == 0
    assert begun == [0, 1]


def test_the_only_call_that_fails_is_not_made_again() -> None:
    call, begun, _ = _calls(ValueError("gone"), 0.01)
    with pytest.raises(ValueError, match="gone"):
        _answer(call, 3)
    assert begun == [0]
