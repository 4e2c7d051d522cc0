"""Places of the streams that one gateway holds open, among its own and, in the ledger, among those of all gateways."""

import asyncio
import logging
import os
import random
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from raypp.errors import LedgerError
from raypp.ledger.open_streams import Opening, OpenStreams
from raypp.ledger.store import Ledger
from raypp.serving.registry import Registry, StreamPlace
from raypp.serving.settings import ServiceSettings

_RENEWALS = 3
"""Tries to renew within the time for which a place holds."""

logger = logging.getLogger("ray.serve")


class Places:
    """Used from one event loop.

    Args:
        ledger: the ledger.
        settings: of the service.
        wait_for: runs what waits for the ledger in a thread.
    """

    def __init__(self, ledger: Ledger, settings: ServiceSettings, wait_for: Callable[..., Awaitable[Any]]) -> None:
        self.registry = Registry(settings.limits.streams_per_site)
        name = f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._shared = OpenStreams(ledger.database, name)
        self._settings = settings
        self._wait_for = wait_for
        self._left: set[int] = set()
        self._releasing: asyncio.Task[None] | None = None

    def opening(self, place: StreamPlace) -> Opening:
        """Say who opens the stream of a place, and the limits of its site."""
        limits = self._settings.limits.streams_per_site, self._settings.quotas.cameras
        return Opening(self._shared.gateway, place.number, *limits, self._lease_us)

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
            self._shared.release_all()
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
        places = self.registry.places()
        if not places:
            return
        opened = [place for place in places if place.opened]
        numbers = [place.number for place in places]
        held = await self._wait_for(self._shared.renew, numbers, self.registry.newest, self._lease_us)
        for place in opened:
            place.lost = place.number not in held

    async def _release(self) -> None:
        while self._left:
            numbers, self._left = self._left, set()
            try:
                await self._wait_for(self._shared.release, numbers)
            except LedgerError as error:  # they are not renewed, either
                logger.info("raypp: places of closed streams run out by themselves: %s", error)

    @property
    def _lease_us(self) -> int:
        return round(self._settings.stream_lease_s * 1e6)
