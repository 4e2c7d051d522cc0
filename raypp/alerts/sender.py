"""The sender: takes alerts out of the outbox, and sends them by their channels."""

import asyncio
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Protocol

from raypp.alerts.channel import Answer, Channel, Outcome
from raypp.alerts.event import cloud_event
from raypp.alerts.executions import ExecutionWatch
from raypp.alerts.settings import AlertSettings
from raypp.errors import LedgerError, RayppError
from raypp.io.background import BackgroundThreads
from raypp.io.backoff import Backoff
from raypp.ledger.channels import ChannelQueues
from raypp.ledger.delivery import Backlog, Delivery
from raypp.ledger.silence import raise_silence
from raypp.ledger.store import Ledger

_AT_A_TIME = 50
_FIRST_WAIT_S = 1.0
_BESIDE_TRY_S = 5.0
_UPKEEP_EVERY_S = 5.0
_PAUSE_OF_LOOK, _LONGEST_PAUSE_S = 9.0, 30.0
"""After a look at executions, nobody looks for so many times as long as it took: a tenth of a core; but not for long,
since the first one imports pm4py."""
_WITHOUT_LOOK_S = 60.0
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_THREADS = 3
_LEAVING_S = 2.0

logger = logging.getLogger("raypp.alerts")


class SenderNotes(Protocol):
    """Whoever counts, or shows, what a sender does."""

    def tried(self, delivery: Delivery, answer: Answer) -> None:
        """Note a try and what became of it."""

    def backlog(self, backlogs: list[Backlog]) -> None:
        """Note what is not sent yet."""


class Sender:
    """Sends the alerts of one ledger, from one event loop. Channels do not wait for each other.

    Two senders of a ledger never send by the same channel at once: each holds a channel, for a little longer than one
    try may take. An alert is marked once its receiver has it; a sender that dies between the two leaves it to be sent
    again, with the same id.

    Args:
        ledger: the ledger.
        settings: of the service.
        channels: the channels, by name.
        notes: is told what happens.
    """

    def __init__(
        self, ledger: Ledger, settings: AlertSettings, channels: Mapping[str, Channel], notes: SenderNotes
    ) -> None:
        self._ledger = ledger
        self._settings = settings
        self._channels = channels
        self._notes = notes
        self._queues = ChannelQueues(ledger)
        self._name = secrets.token_hex(8)
        self._held_until_s: dict[str, float] = {}
        self._since_us = ledger.clock()
        self._executions = ExecutionWatch(ledger)
        self._in_thread = BackgroundThreads(_THREADS, "outbox").run

    async def run(self) -> None:
        """Send for ever, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_after())
                group.create_task(self._look_at_executions())
                for name in self._channels:
                    group.create_task(self._serve(name))
        finally:
            await self.close()

    async def once(self) -> int:
        """Send what is due, by each channel that no other sender holds; return how many were sent."""
        try:
            await self._in_thread(self._queues.declare, list(self._channels))
            await self._in_thread(raise_silence, self._ledger, 0)
            await self._in_thread(self._executions.look)
            drained = await asyncio.gather(*(self._held(name) for name in self._channels))
            return sum(sent for sent, _ in drained)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let others send, and close the channels; a ledger that does not answer is waited for two seconds."""
        try:
            async with asyncio.timeout(_LEAVING_S):
                await self._in_thread(self.release)
        except TimeoutError:
            logger.warning("raypp: the ledger does not answer; what this sender holds of it runs out")
        for channel in self._channels.values():
            await channel.close()

    def release(self) -> None:
        """Let others send at once by the channels that this one holds; blocks."""
        for name in self._held_until_s:
            try:
                self._queues.release(name, self._name)
            except LedgerError as error:
                logger.warning("raypp: channel %s could not be released: %s", name, error)

    async def _serve(self, name: str) -> None:
        pause = Backoff(_FIRST_WAIT_S, self._settings.longest_wait_s, jitter=True)
        while True:
            wait_s = self._settings.every_s
            try:
                _, reached = await self._held(name)
            except LedgerError as error:
                logger.warning("raypp: alerts of channel %s wait: %s", name, error)
            else:
                if reached:
                    pause.reset()
                else:
                    wait_s = max(wait_s, pause.wait_s())
            await asyncio.sleep(wait_s)

    async def _held(self, name: str) -> tuple[int, bool]:
        """Send what is due by a channel that no other sender holds; return how many were sent, and whether it works."""
        sent = 0
        if not await self._hold(name):
            return 0, True
        for site, camera in await self._in_thread(self._queues.cameras, name):
            more = True
            while more:
                deliveries = await self._in_thread(self._queues.waiting, name, site, camera, _AT_A_TIME)
                more = len(deliveries) == _AT_A_TIME
                for delivery in deliveries:
                    outcome = await self._try(name, delivery)
                    if outcome is Outcome.UNREACHED:
                        return sent, False
                    sent += outcome is Outcome.SENT
                    if outcome not in {Outcome.SENT, Outcome.REFUSED}:
                        more = False  # what follows of this camera waits for it
                        break
        return sent, True

    async def _try(self, name: str, delivery: Delivery) -> Outcome | None:
        """Send one alert, and mark what became of it; None where it is not due, or the channel is not held any more."""
        if delivery.due_us > self._ledger.clock() or not await self._hold(name):
            return None
        answer = await self._channels[name].send(delivery, cloud_event(delivery, self._settings.source))
        self._notes.tried(delivery, answer)
        if answer.outcome is Outcome.SENT:
            await self._in_thread(self._queues.sent, delivery, answer.words)
        elif answer.outcome is Outcome.REFUSED or self._is_old(delivery):
            await self._in_thread(self._queues.give_up, delivery, answer.words)
        else:
            wait_us = round(self._wait_s(delivery) * _SECOND_US)
            await self._in_thread(self._queues.put_off, delivery, answer.words, wait_us)
        return answer.outcome

    async def _hold(self, name: str) -> bool:
        """Hold a channel for longer than a try may take; a hold that lasts for so long still is not renewed."""
        needs_s = self._channels[name].deadline_s + _BESIDE_TRY_S
        if time.monotonic() + needs_s < self._held_until_s.get(name, 0.0):
            return True
        begun_s = time.monotonic()
        held = await self._in_thread(self._queues.hold, name, self._name, round(2 * needs_s * _SECOND_US))
        self._held_until_s[name] = begun_s + 2 * needs_s if held else 0.0
        return held

    def _is_old(self, delivery: Delivery) -> bool:
        return self._ledger.clock() - delivery.raised_us > self._settings.give_up_after_s * _SECOND_US

    def _wait_s(self, delivery: Delivery) -> float:
        backoff = Backoff(_FIRST_WAIT_S, self._settings.longest_wait_s, jitter=True)
        for _ in range(delivery.tries):
            backoff.wait_s()
        return backoff.wait_s()

    async def _look_after(self) -> None:
        """Look for silence, give up what nobody sends, forget what was sent long ago, and say what waits; for ever."""
        while True:
            try:
                now_us = self._ledger.clock()
                await self._in_thread(self._queues.declare, list(self._channels))
                await self._in_thread(raise_silence, self._ledger, self._since_us)
                given_up_us = now_us - round(self._settings.give_up_after_s * _SECOND_US)
                await self._in_thread(self._queues.give_up_orphans, given_up_us)
                await self._in_thread(self._queues.prune, now_us - self._settings.keep_days * _DAY_US)
                self._notes.backlog(await self._in_thread(self._queues.backlogs))
            except LedgerError as error:
                logger.warning("raypp: the outbox could not be looked after: %s", error)
            await asyncio.sleep(_UPKEEP_EVERY_S)

    async def _look_at_executions(self) -> None:
        """Raise alerts of executions, for ever."""
        while True:
            begun_s = time.monotonic()
            wait_s = _UPKEEP_EVERY_S
            try:
                await self._in_thread(self._executions.look)
            except RayppError as error:
                logger.warning("raypp: alerts of executions wait: %s", error)
                wait_s = _WITHOUT_LOOK_S
            pause_s = min(_LONGEST_PAUSE_S, _PAUSE_OF_LOOK * (time.monotonic() - begun_s))
            await asyncio.sleep(max(wait_s, pause_s))
