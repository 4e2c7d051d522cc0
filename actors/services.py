"""Services that the calls of one gateway share: ledger, access, threads that may wait, and detectors."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, ParamSpec, TypeVar

import ray
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from actors.metrics import GatewayMetrics
from actors.places import Places
from actors.spans import DETECT, OF_DETECTOR
from actors.turns import Turns
from raypp.errors import LedgerError
from raypp.io.backoff import Backoff
from raypp.io.tracing import SpanKind, child, current_event
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import Identities, Principal
from raypp.ledger.placement import refuse_several_nodes
from raypp.ledger.store import Ledger
from raypp.serving.access import Front, Metadata, read_front_secret
from raypp.serving.call_rates import CallRates
from raypp.serving.commitments import CommitmentCheck
from raypp.serving.door import door_limits
from raypp.serving.fairness import FairQueue, Priority
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.quota import Presence
from raypp.serving.reads import AuditLine, AuditLines
from raypp.serving.refusal_log import RefusalLog
from raypp.serving.settings import DetectorShare, ServiceSettings
from raypp.serving.status import Status, StatusError
from raypp.serving.veils import Veils

_READING_THREADS, REPORT_THREADS, _CHECKING_THREADS = 3, 2, 1
"""With those of commits, as many as the ledger has connections at most."""
_SQLITE_WRITERS = 2
"""SQLite writes one transaction at a time; another one is made ready meanwhile."""
_MODELS_CHANGE = 3
_PATIENCE_S = 30.0
_AT_ONCE_S = 2.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0
_FAILING = (RayActorError, BackPressureError, DeploymentUnavailableError)

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

logger = logging.getLogger("ray.serve")


class Services:
    """Opened once by each gateway.

    Args:
        settings: of the service.
        detectors: the deployments that detect, by veil_id.

    Raises:
        OptionError, LedgerError: if the ledger or the front's secret cannot be read, or the ledger is a file of one
            machine and Ray has several.
    """

    def __init__(self, settings: ServiceSettings, detectors: dict[str, DeploymentHandle[Any]]) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.metrics = GatewayMetrics()
        nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        refuse_several_nodes(settings.ledger_url(), len(nodes))
        self.ledger = Ledger.open(settings.ledger_url())
        self.places = Places(self.ledger, settings, self.wait_for)
        self.audit_log = AuditLog(self.ledger)
        self.commitments = CommitmentCheck(self.ledger)
        secret = read_front_secret(settings.front_secret_file) if settings.front_secret_file else None
        self.front = Front(secret)
        self.identities = Identities(self.ledger)
        self.veils = Veils(detectors, settings.site_veils)
        door = door_limits()
        rates = CallRates(door.calls_per_minute, door.burst)
        streams = 2 * settings.limits.streams_per_site
        self.calls = Presence(settings.quotas, streams, settings.streams_per_gateway, rates)
        self.readings = AuditLines()
        self._refusals = RefusalLog(logger)
        self.detectors = Detectors(detectors, self.metrics, settings.share)
        self._commits = FairQueue(_SQLITE_WRITERS if self.ledger.database.is_sqlite else settings.ledger_threads)
        self.reports = Turns(REPORT_THREADS, "reports")
        self._threads = ThreadPoolExecutor(settings.ledger_threads, "ledger")
        self._readers = ThreadPoolExecutor(_READING_THREADS, "reading")
        self._checker = ThreadPoolExecutor(_CHECKING_THREADS, "tokens")

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
        async with self._commits.turn(site):
            return await self.wait_for(blocking, *args, **options)

    async def read(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what only reads, in threads that no commit waits for."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(copy_context().run, blocking, *args, **options))

    async def principal(self, metadata: Metadata) -> Principal:
        """Return who makes a call.

        Raises:
            RefusedError: PERMISSION_DENIED unless it came through the front, UNAUTHENTICATED if it carries no token.
            UnauthenticatedError: if its token is unknown, expired or revoked.
        """
        token = self.front.token_of(metadata)
        return await asyncio.get_running_loop().run_in_executor(self._checker, self.identities.check, token)

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
        if self.readings.note(reading, subject if about is None else about, time.monotonic()):
            await self.wait_for(self.audit_log.record, principal, action, subject, detail)

    def write_readings(self, readings: Iterable[AuditLine]) -> None:
        """Record gathered readings; blocks. What cannot be written is logged."""
        for reading in readings:
            try:
                self.audit_log.record(reading.who, reading.action, reading.subject, reading.detail)
            except LedgerError as error:
                logger.warning(
                    "raypp: the audit log lacks %s, %s %s: %s", reading.who, reading.action, reading.detail, error
                )

    def token_refused(self, line: str) -> None:
        """Count a call whose token is not taken, and log a line for the many of a minute."""
        self.metrics.token_refused()
        self._refusals.note("UNAUTHENTICATED", line, time.monotonic())


class Detectors:
    """The deployments that detect.

    Args:
        handles: by veil_id.
        metrics: the gateway's.
        share: of frames that those of one veil have at a time; others wait, streams first, and sites in turn.
    """

    def __init__(
        self, handles: dict[str, DeploymentHandle[Any]], metrics: GatewayMetrics, share: DetectorShare
    ) -> None:
        self._handles = handles
        self._metrics = metrics
        self._most = {Priority.STREAM: share.stream, Priority.CALL: share.call}
        self._queues = {veil_id: FairQueue(share.room) for veil_id in handles}

    async def are_ready(self) -> bool:
        """Say whether a detector of each veil answers at once."""

        async def ask(handle: DeploymentHandle[Any]) -> None:
            await handle.describe.remote()

        try:
            await asyncio.wait_for(asyncio.gather(*map(ask, self._handles.values())), _AT_ONCE_S)
        except (TimeoutError, RayError, BackPressureError, DeploymentUnavailableError):
            return False
        return True

    async def about(self, veil_id: str) -> ServedModel:
        """Ask what the running model of a veil is."""
        about: ServedModel = await self._ask(self._handles[veil_id].describe.remote)
        return about

    async def detect(self, veil_id: str, block: FrameBlock, site: str, lane: Priority) -> DetectedBlock:
        """Detect on frames, a few in one turn; where a detector dies over them, another one is asked.

        Args:
            veil_id: of the frames.
            block: the frames.
            site: whose turn it is to be.
            lane: what they are part of.

        Raises:
            RefusedError: UNAVAILABLE if none has answered for long, or models are being replaced.
        """
        with child(DETECT, SpanKind.CLIENT, {**OF_DETECTOR, "raypp.frames": len(block)}) as span:
            traced = replace(block, traceparent=span.traceparent)
            for _ in range(_MODELS_CHANGE):
                pieces = [await self._piece(veil_id, piece, site, lane) for piece in traced.pieces(self._most[lane])]
                if len({piece.model_id for piece in pieces}) == 1:
                    return DetectedBlock(
                        pieces[0].model_id, tuple(frame for detected in pieces for frame in detected.frames)
                    )
            raise StatusError(Status.UNAVAILABLE, "the model is being replaced; try again")

    async def _piece(self, veil_id: str, piece: FrameBlock, site: str, lane: Priority) -> DetectedBlock:
        async with self._queues[veil_id].turn(site, len(piece), lane):
            detected: DetectedBlock = await self._ask(lambda: self._handles[veil_id].detect.remote(piece))
            return detected

    async def _ask(self, call: Callable[[], Any]) -> Any:
        deadline, backoff = time.monotonic() + _PATIENCE_S, Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, jitter=True)
        while True:
            try:
                return await call()
            except _FAILING as error:
                wait_s = backoff.wait_s()
                if time.monotonic() + wait_s > deadline:
                    logger.warning("raypp: no detector answers: %s", error)
                    self._metrics.unanswered()
                    raise StatusError(Status.UNAVAILABLE, "no detector answers just now; try again later") from None
            self._metrics.retried()
            current_event("asked again")
            await asyncio.sleep(wait_s)


def in_background(work: Coroutine[Any, Any, Any], running: set["asyncio.Task[Any]"]) -> "asyncio.Task[Any]":
    """Start a task that nobody may ever wait for: it is held until it ends, and its error is no news."""
    task = asyncio.get_running_loop().create_task(work)
    running.add(task)
    task.add_done_callback(running.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
