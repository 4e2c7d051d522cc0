"""Turns at what all share, such as detectors and the ledger: sites one after the other, streams before calls."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Who goes first."""

    STREAM = 0
    CALL = 1


@dataclass(eq=False)
class _Waiting:
    size: int
    turn: "asyncio.Future[None]"


class FairQueue:
    """Lets a bounded amount of work through at a time. Used from one event loop.

    What waits is let in lane by lane, in a lane one piece of each site in turn, and of a site in order. So another site
    waits for what is under way and one piece of each, however much a site has brought.

    Args:
        room: how much may be under way, in the unit that `turn` is told; a larger piece goes alone.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._busy = 0
        self._lanes: dict[Priority, OrderedDict[str, deque[_Waiting]]] = {lane: OrderedDict() for lane in Priority}

    @asynccontextmanager
    async def turn(self, site: str, size: int = 1, lane: Priority = Priority.STREAM) -> AsyncIterator[None]:
        """Wait for a turn, and have it for as long as the block lasts."""
        await self._enter(site, size, lane)
        try:
            yield
        finally:
            self._leave(size)

    async def _enter(self, site: str, size: int, lane: Priority) -> None:
        if not any(self._lanes.values()) and self._fits(size):
            self._busy += size
            return
        waiting = _Waiting(size, asyncio.get_running_loop().create_future())
        self._lanes[lane].setdefault(site, deque()).append(waiting)
        self._admit()
        try:
            await waiting.turn
        except asyncio.CancelledError:
            if waiting.turn.done() and not waiting.turn.cancelled():
                self._leave(size)
            else:
                self._give_up(site, waiting, lane)
            raise

    def _fits(self, size: int) -> bool:
        return not self._busy or self._busy + size <= self._room

    def _leave(self, size: int) -> None:
        self._busy -= size
        self._admit()

    def _admit(self) -> None:
        """Let in whose turn it is, while there is room; what is next is never passed over for being large."""
        while (lane := next((sites for sites in self._lanes.values() if sites), None)) is not None:
            site, line = next(iter(lane.items()))
            if not self._fits(line[0].size):
                return
            waiting = line.popleft()
            lane.move_to_end(site)
            if not line:
                del lane[site]
            if waiting.turn.cancelled():  # in this very moment: its task is still to hear of it
                continue
            self._busy += waiting.size
            waiting.turn.set_result(None)

    def _give_up(self, site: str, waiting: _Waiting, lane: Priority) -> None:
        line = self._lanes[lane].get(site)
        if line is not None and waiting in line:  # else it was passed over when it was its turn
            line.remove(waiting)
            if not line:
                del self._lanes[lane][site]
        self._admit()
