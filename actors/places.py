"""Places of the streams that one gateway holds open in one ledger, among those of all gateways there."""

import asyncio
import logging
import os
import random
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from raypp.errors import LedgerError
from raypp.ledger.member import Member
from raypp.ledger.open_streams import Opening, OpenStreams
from raypp.serving.registry import Registry, StreamPlace
from raypp.serving.settings import ServiceSettings

_RENEWALS = 3
"""Tries to renew within the time for which a place holds."""

logger = logging.getLogger("ray.serve")


class Places:
    """Used from one event loop.

    Args:
        member: the ledger; it may not answer yet.
        settings: of the service.
        registry: of all streams of the gateway, whichever ledger they are in.
        wait_for: runs what waits for the ledger in a thread.
    """

    def __init__(
        self, member: Member, settings: ServiceSettings, registry: Registry, wait_for: Callable[..., Awaitable[Any]]
    ) -> None:
        self.registry = registry
        self._gateway = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._member = member
        self._settings = settings
        self._wait_for = wait_for
        self._used = False
        self._left: set[int] = set()
        self._releasing: asyncio.Task[None] | None = None

    def opening(self, place: StreamPlace) -> Opening:
        """Say who opens the stream of a place here, and the limits of its site."""
        place.ledger, self._used = self._member.name, True
        limits = self._settings.limits.streams_per_site, self._settings.quotas.cameras
        return Opening(self._gateway, place.number, *limits, self._lease_us)

    def leave(self, place: StreamPlace) -> None:
        """Give a place back; the ledger hears of it soon."""
        self.registry.leave(place)
        if place.opened:
            self._left.add(place.number)
            if self._releasing is None or self._releasing.done():
                self._releasing = asyncio.get_running_loop().create_task(self._release())

    def leave_all(self) -> None:
        """Give all places back: the gateway goes. Blocks."""
        try:
            if self._used:
                self._shared().release_all()
        except LedgerError as error:
            logger.warning("raypp: open streams count for %g s more: %s", self._settings.stream_lease_s, error)

    async def keep(self) -> None:
        """Renew the places, for ever."""
        while True:
            await asyncio.sleep(self._settings.stream_lease_s / _RENEWALS * random.uniform(0.7, 1.0))  # noqa: S311
            try:
                await self.renew()
            except LedgerError as error:
                logger.warning("raypp: places of open streams could not be renewed: %s", error)

    async def renew(self) -> None:
        """Let all places hold for longer, and note those that the ledger has given to others."""
        places = [place for place in self.registry.places() if place.ledger in {"", self._member.name}]
        if not self._used or not places:
            return
        opened = [place for place in places if place.opened]
        numbers = [place.number for place in places]
        newest = self.registry.newest
        held = await self._wait_for(lambda: self._shared().renew(numbers, newest, self._lease_us))
        for place in opened:
            place.lost = place.number not in held

    async def _release(self) -> None:
        while self._left:
            numbers, self._left = self._left, set()
            try:
                await self._wait_for(self._release_some, numbers)
            except LedgerError as error:  # they are not renewed, either
                logger.info("raypp: places of closed streams run out by themselves: %s", error)

    def _release_some(self, numbers: set[int]) -> None:
        self._shared().release(numbers)

    def _shared(self) -> OpenStreams:
        return OpenStreams(self._member.ledger().database, self._gateway)

    @property
    def _lease_us(self) -> int:
        return round(self._settings.stream_lease_s * 1e6)
