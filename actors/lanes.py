"""A gateway's way to each ledger: threads, turns and places of its own, so that one that hangs holds up no other."""

import asyncio
import logging
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from actors.places import Places
from actors.turns import Turns
from raypp.errors import LedgerError, LedgerUnavailableError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.member import Member
from raypp.ledger.partitions import keep_partitions_ahead
from raypp.ledger.store import Ledger
from raypp.serving.commitments import CommitmentCheck
from raypp.serving.fairness import FairQueue
from raypp.serving.reads import AuditLine, AuditLines
from raypp.serving.registry import Registry
from raypp.serving.settings import ServiceSettings

REPORT_THREADS = 2
"""Threads that make pages and reports, for each ledger, and for pages of all."""
_READING_THREADS = 3
_PATIENCE_S = 5.0
"""After so long, whether the ledger answers at all is looked at."""
_LEAVING_S = 2.0
"""Serve gives a gateway that goes five seconds for all, of which calls under way take some."""
_PARTITIONS_EVERY_S = 600
_SQLITE_WRITERS = 2
"""SQLite writes one transaction at a time; another one is made ready meanwhile."""

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

logger = logging.getLogger("ray.serve")


class Lane:
    """One ledger of a gateway; used from its event loop.

    Args:
        member: the ledger; it may not answer yet.
        settings: of the service.
        registry: of all streams of the gateway.
    """

    def __init__(self, member: Member, settings: ServiceSettings, registry: Registry) -> None:
        self.name = member.name
        self._member = member
        self._settings = settings
        self._threads = ThreadPoolExecutor(settings.ledger_threads, f"ledger-{member.name}")
        self._readers = ThreadPoolExecutor(_READING_THREADS, f"reading-{member.name}")
        self._pinging = ThreadPoolExecutor(1, f"pinging-{member.name}")
        self.turns = Turns(REPORT_THREADS, f"reports-{member.name}")
        self._commits: FairQueue | None = None
        self._commitments: CommitmentCheck | None = None
        self._readings = AuditLines()
        self.places = Places(member, settings, registry, self.wait_for)

    @property
    def ledger(self) -> Ledger:
        """The open ledger; raises LedgerError where it cannot be opened."""
        return self._member.ledger()

    @property
    def commitments(self) -> CommitmentCheck:
        """The check of commitments with this ledger, which remembers what it has noted."""
        if self._commitments is None:
            self._commitments = CommitmentCheck(self.ledger)
        return self._commitments

    async def wait_for(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what waits for the ledger, in one of a few threads."""
        loop = asyncio.get_running_loop()
        # In this task's context, so that a span of it has what the ledger does as its children.
        return await loop.run_in_executor(self._threads, partial(copy_context().run, blocking, *args, **options))

    async def commit(
        self, site: str, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what writes for a site, when it is the site's turn."""
        if self._commits is None:
            of_sqlite = self.ledger.database.is_sqlite
            self._commits = FairQueue(_SQLITE_WRITERS if of_sqlite else self._settings.ledger_threads)
        async with self._commits.turn(site):
            return await self.wait_for(blocking, *args, **options)

    async def read(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what only reads, in threads that no commit waits for; raises as `answered`."""
        loop = asyncio.get_running_loop()
        run = partial(copy_context().run, blocking, *args, **options)
        return await self.answered(loop.run_in_executor(self._readers, run))

    async def answered(self, work: Awaitable[_Result]) -> _Result:
        """Wait for what a reader wants, however long it takes, for as long as the ledger answers others.

        Raises:
            LedgerUnavailableError: if the ledger has ceased to answer; a thread that waits for it is left behind.
        """
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=_PATIENCE_S))[0]:
                try:
                    await asyncio.get_running_loop().run_in_executor(self._pinging, self._member.require_answer)
                except LedgerUnavailableError:
                    if not task.done():
                        raise
            return task.result()
        finally:
            task.cancel()

    async def audit(
        self, principal: object, action: str, subject: str, detail: str = "", about: str | None = None
    ) -> None:
        """Record who read what, or streams: the first time at once, what follows within ten minutes as one line.

        Args:
            principal: who.
            action: what was done.
            subject: to what.
            detail: anything else.
            about: which records are gathered, where the subject is too narrow.
        """
        reading = AuditLine(str(principal), action, subject, detail)
        if self._readings.note(reading, subject if about is None else about, time.monotonic()):
            await self.wait_for(self._write, reading)

    async def write_readings(self) -> None:
        """Record gathered readings that are due; what cannot be written is logged."""
        await self.wait_for(self._write_all, self._readings.due(time.monotonic()))

    async def keep_partitions(self) -> None:
        """Have the ledger's partitions ready before their time, for ever; several gateways doing so do it once."""
        while True:
            await asyncio.sleep(_PARTITIONS_EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311
            try:
                await self.wait_for(lambda: keep_partitions_ahead(self.ledger.database, self.ledger.clock()))
            except LedgerError as error:
                logger.warning("raypp: partitions of ledger %s could not be made: %s", self.name, error)

    def leave(self) -> None:
        """Give all places back, and write down what was read: the gateway goes. Blocks, see `Lanes.leave`."""
        self.places.leave_all()
        self._write_all(self._readings.rest())

    def _write(self, reading: AuditLine) -> None:
        AuditLog(self.ledger).record(reading.who, reading.action, reading.subject, reading.detail)

    def _write_all(self, readings: Iterable[AuditLine]) -> None:
        for reading in readings:
            try:
                self._write(reading)
            except LedgerError as error:
                logger.warning(
                    "raypp: the audit log lacks %s, %s %s: %s", reading.who, reading.action, reading.detail, error
                )


class Lanes:
    """The ledgers of a gateway; used from its event loop.

    Args:
        ledgers: the ledgers.
        settings: of the service.
    """

    def __init__(self, ledgers: Ledgers, settings: ServiceSettings) -> None:
        self.registry = Registry(settings.limits.streams_per_site)
        self.ledgers = ledgers
        self._by_name = {name: Lane(member, settings, self.registry) for name, member in ledgers.members.items()}
        self.turns = Turns(REPORT_THREADS, "reports")
        """Of pages that show all ledgers; whoever makes them waits for none that does not answer, see `Member.ask`."""
        # At most one of these waits for each ledger that does not answer, see `Member.ask`.
        self._seekers = ThreadPoolExecutor(1 if ledgers.only else 1 + len(self._by_name), "seeking")

    @property
    def home(self) -> Lane:
        """That of the ledger with the operators' tokens."""
        return self._by_name[self.ledgers.home.name]

    def each(self) -> list[Lane]:
        """List all of them."""
        return list(self._by_name.values())

    def leave(self) -> None:
        """Leave all ledgers at once: the gateway goes. Blocks, but for two seconds at most where one of them hangs."""
        leaving = [threading.Thread(target=lane.leave, daemon=True) for lane in self.each()]
        for thread in leaving:
            thread.start()
        deadline = time.monotonic() + _LEAVING_S
        for lane, thread in zip(self.each(), leaving, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                logger.warning("raypp: ledger %s does not answer; what it has of this gateway runs out", lane.name)

    async def of(self, site: str) -> Lane:
        """Return that of the ledger that has a site; raises as `Ledgers.of`."""
        if self.ledgers.only is not None:
            return self.home
        return self._by_name[(await self.seek(self.ledgers.member_of, site)).name]

    async def seek(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what asks any of the ledgers, in threads that are not held up by one that does not answer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._seekers, partial(blocking, *args, **options))
