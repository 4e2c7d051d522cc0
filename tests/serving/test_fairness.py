"""Turns: sites one after the other, streams before calls, a bounded amount at a time."""

import asyncio
import random

from raypp.serving.fairness import FairQueue, Priority


def _order(room: int, *turns: tuple[str, int, Priority]) -> list[str]:
    """Ask for turns while one piece of site `first` fills the room; returns who had them, in order."""

    async def run() -> list[str]:
        queue, order, over = FairQueue(room), list[str](), asyncio.Event()

        async def first() -> None:
            async with queue.turn("first", room):
                await over.wait()

        async def piece(site: str, size: int, lane: Priority) -> None:
            async with queue.turn(site, size, lane):
                order.append(site)
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            await asyncio.sleep(0)
            for name in turns:
                group.create_task(piece(*name))
            await asyncio.sleep(0)
            over.set()
        return order

    return asyncio.run(run())


def test_sites_are_let_in_in_turn_however_much_one_has_brought() -> None:
    many = [("a", 8, Priority.STREAM)] * 20
    assert _order(8, *many, ("b", 8, Priority.STREAM), ("c", 8, Priority.STREAM), ("b", 8, Priority.STREAM))[
        :5
    ] == list("abcab")


def test_streams_are_let_in_before_calls() -> None:
    calls = [("a", 8, Priority.CALL)] * 3
    assert _order(8, *calls, ("b", 8, Priority.STREAM), ("a", 8, Priority.STREAM)) == ["b", "a", "a", "a", "a"]


def test_a_piece_larger_than_the_room_goes_alone_and_is_not_passed_over() -> None:
    assert _order(8, ("a", 20, Priority.STREAM), ("b", 1, Priority.STREAM)) == ["a", "b"]


def test_room_is_kept_and_given_back_whatever_is_cancelled() -> None:
    async def run() -> None:
        queue, under_way, most = FairQueue(10), 0, 0
        numbers = random.Random(0)

        async def piece(size: int) -> None:
            nonlocal under_way, most
            async with queue.turn(f"site {numbers.randrange(5)}", size, numbers.choice(list(Priority))):
                under_way += size
                most = max(most, under_way)
                try:
                    await asyncio.sleep(numbers.random() / 200)
                finally:
                    under_way -= size

        tasks = [asyncio.create_task(piece(numbers.randrange(1, 8))) for _ in range(200)]
        for task in numbers.sample(tasks, 60):
            await asyncio.sleep(0.001)
            task.cancel()
        await asyncio.wait(tasks)
        assert 5 < most <= 10
        async with asyncio.timeout(1), queue.turn("last", 10):
            pass

    asyncio.run(run())


def test_what_is_cancelled_together_with_what_is_under_way_takes_no_room_for_ever() -> None:
    async def run() -> None:
        queue = FairQueue(8)

        async def piece(site: str) -> None:
            async with queue.turn(site, 8):
                await asyncio.sleep(60)

        connection = [asyncio.create_task(piece("a")) for _ in range(3)]
        other = asyncio.create_task(piece("b"))
        await asyncio.sleep(0.01)
        for task in [*connection, other]:  # as a connection does that ends with chunks under way
            task.cancel()
        ends = await asyncio.gather(*connection, other, return_exceptions=True)
        assert {type(end) for end in ends} == {asyncio.CancelledError}
        async with asyncio.timeout(1), queue.turn("last", 8):
            pass

    asyncio.run(run())
