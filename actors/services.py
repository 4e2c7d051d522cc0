"""Services that the calls of one gateway share: ledgers, access, threads that may wait, and detectors."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from actors.lanes import Lanes
from actors.metrics import GatewayMetrics
from actors.replicas import RunningReplicas
from actors.spans import DETECT, OF_DETECTOR
from raypp.errors import LedgerFullError, LedgerUnavailableError
from raypp.io.backoff import Backoff
from raypp.io.tracing import SpanKind, child, current_event
from raypp.ledger.identity import Identities, Principal
from raypp.ledger.known_ledgers import KnownLedgers
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.placement import refuse_several_nodes
from raypp.serving.access import Front, Metadata, read_front_secret
from raypp.serving.call_rates import CallRates
from raypp.serving.door import door_limits
from raypp.serving.fairness import FairQueue, Priority
from raypp.serving.hedge import Call, HedgeBudget, awaited, first_answer
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.quota import Presence
from raypp.serving.refusal_log import RefusalLog
from raypp.serving.settings import ServiceSettings
from raypp.serving.status import Status, StatusError
from raypp.serving.veils import Veils

_MODELS_CHANGE = 3
_PATIENCE_S = 30.0
_AT_ONCE_S = 2.0
_MOST_CALLS = 3
"""A detector is asked again, and again, before Ray notices that its node was lost."""
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.05, 2.0
_FAILING = (RayActorError, BackPressureError, DeploymentUnavailableError)

logger = logging.getLogger("ray.serve")


class Services:
    """Opened once by each gateway.

    Args:
        settings: of the service.
        detectors: the deployments that detect, by veil_id.

    Raises:
        OptionError, LedgerError: if a ledger or the front's secret cannot be read, or a ledger is a file of one
            machine and Ray has several. Of several ledgers, some may be broken, or out of reach.
    """

    def __init__(self, settings: ServiceSettings, detectors: dict[str, DeploymentHandle[Any]]) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.metrics = GatewayMetrics()
        nodes = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        named = settings.ledger_list()
        refuse_several_nodes(named.urls.values(), len(nodes))
        self.ledgers = Ledgers.open(named, known=KnownLedgers.of_account())
        self.lanes = Lanes(self.ledgers, settings)
        secret = read_front_secret(settings.front_secret_file) if settings.front_secret_file else None
        self.front = Front(secret)
        self.identities = Identities(self.ledgers)
        self.veils = Veils(detectors, settings.site_veils)
        door = door_limits()
        rates = CallRates(door.calls_per_minute, door.burst)
        streams = 2 * settings.limits.streams_per_site
        self.calls = Presence(settings.quotas, streams, settings.streams_per_gateway, rates)
        self._refusals, self._ledger_failures = RefusalLog(logger), RefusalLog(logger)
        self.detectors = Detectors(detectors, self.metrics, settings)

    async def principal(self, metadata: Metadata) -> Principal:
        """Return who makes a call.

        Raises:
            RefusedError: PERMISSION_DENIED unless it came through the front, UNAUTHENTICATED if it carries no token.
            UnauthenticatedError: if its token is unknown, expired or revoked.
            LedgerUnavailableError: if it may stand in a ledger that cannot be reached just now.
        """
        return await self.bearer(self.front.token_of(metadata))

    async def bearer(self, token: str | None) -> Principal:
        """Return whose token this is; one that was looked up lately waits for no ledger. Raises as `principal`."""
        believed = self.identities.believed(token)
        return believed if believed is not None else await self.lanes.seek(self.identities.check, token)

    def token_refused(self, line: str) -> None:
        """Count a call whose token is not taken, and log a line for the many of a minute."""
        self.metrics.token_refused()
        self._refusals.note("UNAUTHENTICATED", line, time.monotonic())

    def ledger_failed(self, error: LedgerUnavailableError) -> None:
        """Count a call that a ledger has failed, and log what is wrong with it once a minute: callers hear less."""
        self.metrics.ledger_failed(full=isinstance(error, LedgerFullError))
        line = "; ".join(line.strip() for line in str(error).splitlines())
        self._ledger_failures.note("UNAVAILABLE", line, time.monotonic())


class Detectors:
    """The deployments that detect.

    Args:
        handles: by veil_id.
        metrics: the gateway's.
        settings: of the service. Frames beyond their share wait, streams first, and sites in turn.
    """

    def __init__(
        self, handles: dict[str, DeploymentHandle[Any]], metrics: GatewayMetrics, settings: ServiceSettings
    ) -> None:
        share, self._again_after_s = settings.share, settings.detection.hedge_after_s
        self._most_calls = _MOST_CALLS if settings.detectors.most > 1 and self._again_after_s else 1
        self._handles = handles
        self._replicas = {
            veil_id: RunningReplicas(handle.app_name, handle.deployment_name, settings.detectors.least)
            for veil_id, handle in handles.items()
        }
        self._budgets = {veil_id: HedgeBudget() for veil_id in handles}
        self._metrics = metrics
        self._most = {Priority.STREAM: share.stream, Priority.CALL: share.call}
        self._queues = {veil_id: FairQueue(share.room) for veil_id in handles}

    async def are_ready(self) -> bool:
        """Say whether a detector of each veil answers at once."""

        async def ask(handle: DeploymentHandle[Any]) -> None:
            await awaited(handle.describe.remote)

        try:
            await asyncio.wait_for(asyncio.gather(*map(ask, self._handles.values())), _AT_ONCE_S)
        except (TimeoutError, RayError, BackPressureError, DeploymentUnavailableError):
            return False
        return True

    async def about(self, veil_id: str) -> ServedModel:
        """Ask what the running model of a veil is."""
        about: ServedModel = await self._ask(veil_id, self._handles[veil_id].describe.remote)
        return about

    async def detect(self, veil_id: str, block: FrameBlock, site: str, lane: Priority) -> DetectedBlock:
        """Detect on frames, a few in one turn; where a detector dies over them or is silent, another one is asked.

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
            detected: DetectedBlock = await self._ask(veil_id, lambda: self._handles[veil_id].detect.remote(piece))
            return detected

    async def _ask(self, veil_id: str, call: Callable[[], Call[Any]]) -> Any:
        deadline, backoff = time.monotonic() + _PATIENCE_S, Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S, jitter=True)
        while True:
            self._budgets[veil_id].called()
            try:
                return await first_answer(call, self._again_after_s, self._most_calls, lambda: self._may_hedge(veil_id))
            except _FAILING as error:
                wait_s = backoff.wait_s()
                if time.monotonic() + wait_s > deadline:
                    logger.warning("raypp: no detector answers: %s", error)
                    self._metrics.unanswered()
                    raise StatusError(Status.UNAVAILABLE, "no detector answers just now; try again later") from None
            self._metrics.retried()
            current_event("asked again")
            await asyncio.sleep(wait_s)

    async def _may_hedge(self, veil_id: str) -> bool:
        """Say whether another detector runs, and few enough are asked twice; Serve chooses which one is."""
        if await self._replicas[veil_id].count() < 2 or not self._budgets[veil_id].spend():
            return False
        self._metrics.hedged()
        current_event("another one asked")
        return True
