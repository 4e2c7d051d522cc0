"""Calls that are begun again while the first of them is silent."""

import asyncio
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from raypp.serving.hedge import HedgeBudget, first_answer

_AGAIN_S = 0.1


class _Call:
    """A call that takes so many seconds, or fails, and goes on where only its waiting ends, as Serve's do."""

    def __init__(self, number: int, behaviour: "float | Exception", cancelled: list[int]) -> None:
        self._number = number
        self._behaviour = behaviour
        self._cancelled = cancelled

    def __await__(self) -> Generator[Any, Any, int]:
        return self._answer().__await__()

    def cancel(self) -> None:
        self._cancelled.append(self._number)

    async def _answer(self) -> int:
        if isinstance(self._behaviour, Exception):
            await asyncio.sleep(0.05)
            raise self._behaviour
        await asyncio.sleep(self._behaviour)
        return self._number


def _calls(*behaviours: "float | Exception") -> tuple[Callable[[], _Call], list[int], list[int]]:
    """Calls; lists those that are made, and those that whoever computes them is told to leave."""
    begun: list[int] = []
    cancelled: list[int] = []

    def call() -> _Call:
        number = len(begun)
        begun.append(number)
        return _Call(number, behaviours[number], cancelled)

    return call, begun, cancelled


def _answer(call: Callable[[], _Call], most: int, *, repeats: int = 9) -> int:
    left = iter(range(repeats))

    async def may_repeat() -> bool:
        return next(left, None) is not None

    async def run() -> int:
        answer = await first_answer(call, _AGAIN_S, most, may_repeat)
        await asyncio.sleep(0)  # for what is cancelled to end
        return answer

    return asyncio.run(run())


def test_who_answers_in_time_is_not_called_twice() -> None:
    call, begun, cancelled = _calls(0.01, 0.01)
    assert _answer(call, 3) == 0
    assert (begun, cancelled) == ([0], [])


def test_a_silent_one_costs_the_time_until_the_next_is_called_and_is_told_to_leave_it() -> None:
    call, begun, cancelled = _calls(60, 0.01)
    begin = time.monotonic()
    assert _answer(call, 3) == 1
    assert time.monotonic() - begin < 10
    assert (begun, cancelled) == ([0, 1], [0])


def test_the_first_may_still_answer_while_another_fails() -> None:
    call, begun, cancelled = _calls(0.4, ValueError("gone"))
    assert _answer(call, 2) == 0
    assert (begun, cancelled) == ([0, 1], [])


def test_no_more_are_called_than_may_be() -> None:
    call, begun, cancelled = _calls(0.5, 60, 60, 60)
    assert _answer(call, 2) == 0
    assert (begun, cancelled) == ([0, 1], [1])


def test_none_is_called_again_where_none_may_be() -> None:
    call, begun, _ = _calls(0.5, 0.01)
    assert _answer(call, 3, repeats=0) == 0
    assert begun == [0]


def test_whoever_stops_waiting_has_all_calls_left() -> None:
    call, begun, cancelled = _calls(60, 60, 60)

    async def run() -> None:
        async def may_repeat() -> bool:
            return True

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(first_answer(call, _AGAIN_S, 2, may_repeat), 5 * _AGAIN_S)
        await asyncio.sleep(0)

    asyncio.run(run())
    assert (begun, sorted(cancelled)) == ([0, 1], [0, 1])


def test_the_only_call_that_fails_is_not_made_again() -> None:
    call, begun, _ = _calls(ValueError("gone"), 0.01)
    with pytest.raises(ValueError, match="gone"):
        _answer(call, 3)
    assert begun == [0]


def test_few_of_many_slow_calls_are_made_again_and_a_lost_node_s_are() -> None:
    budget = HedgeBudget()
    assert all(budget.spend() for _ in range(10))
    hedged = 0
    for _ in range(1000):
        budget.called()
        hedged += budget.spend()
    assert 45 <= hedged <= 50
    for _ in range(1000):
        budget.called()
    assert sum(budget.spend() for _ in range(100)) == 10
