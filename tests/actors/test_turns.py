import asyncio
import threading

import pytest

from actors.turns import Turns
from raypp.serving.status import Status, StatusError


class Gate:
    """Work that blocks until it is let go, and remembers how much of it ran at a time."""

    def __init__(self):
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.running = self.most = 0
        self.lock = threading.Lock()

    def work(self, answer):
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.begun.release()
        assert self.open.wait(20)
        with self.lock:
            self.running -= 1
        return answer


async def begun(gate):
    await asyncio.to_thread(gate.begun.acquire)


def test_a_second_report_of_a_token_is_refused_and_another_tokens_is_not():
    async def main():
        turns, gate = Turns(2, "reports"), Gate()
        first = asyncio.create_task(turns.only("a", gate.work, 1))
        await begun(gate)
        with pytest.raises(StatusError, match="is being made; ask again") as refused:
            await turns.only("a", gate.work, 2)
        assert refused.value.status is Status.RESOURCE_EXHAUSTED
        other = asyncio.create_task(turns.only("b", gate.work, 3))
        await begun(gate)
        gate.open.set()
        assert (await first, await other) == (1, 3)
        assert await turns.only("a", gate.work, 4) == 4

    asyncio.run(main())


def test_who_stops_waiting_keeps_its_turn_until_the_work_ends():
    async def main():
        turns, gate = Turns(2, "reports"), Gate()
        first = asyncio.create_task(turns.only("a", gate.work, 1))
        await begun(gate)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(StatusError):
            await turns.only("a", gate.work, 2)
        gate.open.set()
        while "a" in turns._callers:
            await asyncio.sleep(0.01)
        assert await turns.only("a", gate.work, 3) == 3

    asyncio.run(main())


def test_calls_of_one_token_wait_for_each_other_and_not_too_many_of_them():
    async def main():
        turns, gate = Turns(4, "reports"), Gate()
        calls = [asyncio.create_task(turns.next("a", gate.work, number)) for number in range(9)]
        await begun(gate)
        with pytest.raises(StatusError, match="wait"):
            await turns.next("a", gate.work, 9)
        calls[5].cancel()
        gate.open.set()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert [result for result in done if not isinstance(result, BaseException)] == [0, 1, 2, 3, 4, 6, 7, 8]
        assert gate.most == 1
        assert turns._callers == {}

    asyncio.run(main())


def test_an_error_of_the_work_is_its_callers():
    async def main():
        turns = Turns(1, "reports")
        with pytest.raises(ZeroDivisionError):
            await turns.only("a", lambda: 1 // 0)
        assert turns._callers == {}

    asyncio.run(main())
