"""What the calls of one gateway share: ledger, access, threads that may wait, and the way to detectors."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

import ray
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from actors.metrics import GatewayMetrics
from actors.turns import Turns
from raypp.ledger.audit import AuditLog
from raypp.ledger.identity import Identities, Principal
from raypp.ledger.placement import refuse_several_nodes
from raypp.ledger.store import Ledger
from raypp.serving.access import Front, Metadata, read_front_secret
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.refusal import RefusedError, Status
from raypp.serving.registry import Registry
from raypp.serving.settings import ServiceSettings

_READING_THREADS, _REPORT_THREADS = 3, 2
"""With those of commits, as many as the ledger has connections at most."""
_PATIENCE_S = 30.0
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
        self.registry = Registry(settings.limits.streams_per_site)
        nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        refuse_several_nodes(settings.ledger_url(), len(nodes))
        self.ledger = Ledger.open(settings.ledger_url())
        self.audit_log = AuditLog(self.ledger)
        secret = read_front_secret(settings.front_secret_file) if settings.front_secret_file else None
        self.front = Front(secret)
        self.identities = Identities(self.ledger)
        self.detectors = Detectors(detectors, self.metrics)
        self.reports = Turns(_REPORT_THREADS, "reports")
        self._threads = ThreadPoolExecutor(settings.ledger_threads, "ledger")
        self._readers = ThreadPoolExecutor(_READING_THREADS, "reading")

    async def wait_for(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what waits for the ledger, in one of a few threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(blocking, *args, **options))

    async def read(
        self, blocking: Callable[_Arguments, _Result], *args: _Arguments.args, **options: _Arguments.kwargs
    ) -> _Result:
        """Run what only reads, in threads that no commit waits for."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(blocking, *args, **options))

    async def principal(self, metadata: Metadata) -> Principal:
        """Return who makes a call.

        Raises:
            RefusedError: PERMISSION_DENIED unless it came through the front, UNAUTHENTICATED if it carries no token.
            UnauthenticatedError: if its token is unknown, expired or revoked.
        """
        return await self.wait_for(self.identities.check, self.front.token_of(metadata))

    async def audit(self, principal: object, action: str, subject: str, detail: str = "") -> None:
        """Record who read or changed what."""
        await self.wait_for(self.audit_log.record, principal, action, subject, detail)


class Detectors:
    """The deployments that detect.

    Args:
        handles: by veil_id.
        metrics: the gateway's.
    """

    def __init__(self, handles: dict[str, DeploymentHandle[Any]], metrics: GatewayMetrics) -> None:
        self._handles = handles
        self._metrics = metrics

    def only(self) -> str:
        """Return the only veil that is served; raises RefusedError (INVALID_ARGUMENT) where there are several."""
        if len(self._handles) != 1:
            served = ", ".join(sorted(self._handles))
            raise RefusedError(Status.INVALID_ARGUMENT, f"several veils are served ({served}); name one")
        return next(iter(self._handles))

    def require(self, veil_id: str, status: Status) -> None:
        """Raise RefusedError unless a veil is served."""
        if veil_id not in self._handles:
            served = ", ".join(sorted(self._handles))
            raise RefusedError(status, f"veil {veil_id[:40]} is not served here; this service reads {served}")

    async def about(self, veil_id: str) -> ServedModel:
        """Ask what the running model of a veil is."""
        about: ServedModel = await self._ask(self._handles[veil_id].describe.remote)
        return about

    async def detect(self, veil_id: str, block: FrameBlock) -> DetectedBlock:
        """Detect on frames; where a detector dies over them, another one is asked: nothing is kept there.

        Raises:
            RefusedError: UNAVAILABLE if none has answered for long.
        """
        found: DetectedBlock = await self._ask(lambda: self._handles[veil_id].detect.remote(block))
        return found

    async def _ask(self, call: Callable[[], Any]) -> Any:
        deadline, wait_s = time.monotonic() + _PATIENCE_S, _FIRST_WAIT_S
        while True:
            try:
                return await call()
            except _FAILING as error:
                if time.monotonic() + wait_s > deadline:
                    logger.warning("raypp: no detector answers: %s", error)
                    raise RefusedError(Status.UNAVAILABLE, "no detector answers just now; try again later") from None
            self._metrics.retried()
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.5))  # noqa: S311 - so that not all ask at once
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def in_background(work: Coroutine[Any, Any, Any], running: set["asyncio.Task[Any]"]) -> "asyncio.Task[Any]":
    """Start a task that nobody may ever wait for: it is held until it ends, and its error is no news."""
    task = asyncio.get_running_loop().create_task(work)
    running.add(task)
    task.add_done_callback(running.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
