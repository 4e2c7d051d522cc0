"""Work of the main thread beside calls in another one."""

import asyncio
import threading
import time

import pytest

from raypp.collective.background import run_beside


def test_work_is_done_here_while_calls_go_on() -> None:
    beats: list[int] = []

    async def talk(hand_over) -> tuple[bool, int]:
        async def beat() -> None:
            while True:
                beats.append(1)
                await asyncio.sleep(0.01)

        task = asyncio.create_task(beat())
        here = await hand_over(lambda: threading.current_thread() is threading.main_thread())
        await hand_over(lambda: time.sleep(0.3))
        task.cancel()
        return here, len(beats)

    here, count = run_beside(talk)
    assert here
    assert count > 3


def test_errors_of_either_side_come_back() -> None:
    async def work_fails(hand_over) -> None:
        await hand_over(lambda: 1 // 0)

    async def call_fails(_hand_over) -> None:
        raise ValueError("no")

    with pytest.raises(ZeroDivisionError):
        run_beside(work_fails)
    with pytest.raises(ValueError, match="no"):
        run_beside(call_fails)


def test_who_stops_the_work_stops_the_calls() -> None:
    ended = threading.Event()

    def stopped() -> None:
        raise KeyboardInterrupt

    async def talk(hand_over) -> None:
        try:
            await hand_over(stopped)
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        run_beside(talk)
    assert ended.is_set()
