"""A model that detects beside the live one on a share of its frames, and counts for nothing."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.metrics import DetectorMetrics
from raypp.errors import RayppError
from raypp.ledger.model_agreement import Agreement
from raypp.serving.agreement import compare_detections
from raypp.serving.live_model import LiveModel, LiveModelSource
from raypp.serving.model import FrameBlock, ServedModel
from raypp.serving.settings import DetectionSettings
from raypp.usage.observation import Detection

if TYPE_CHECKING:
    from raypp.serving.detector import BundleDetector

_RESTS = 4.0
"""How many times as long as it detected a shadow rests: it takes at most a fifth of a detector's time."""
_KEEP_S = 10.0
"""Seconds between writes to the ledger."""
_AGAIN_S = 30.0
"""How long a model that could not be loaded is left alone."""

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class _Offer:
    """Frames that the live model has detected on, and what it detected."""

    blocks: Sequence[FrameBlock]
    detections: Sequence[Sequence[Sequence[Detection]]]
    live: ServedModel


class Shadow:
    """The model beside the live one of a detector; used from its event loop.

    Args:
        settings: how detections are made.
        metrics: of the detector.
    """

    def __init__(self, settings: DetectionSettings, metrics: DetectorMetrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._running: BundleDetector | None = None
        self._refused_id, self._refused_at = "", 0.0
        self._offer: _Offer | None = None
        self._offered = asyncio.Event()
        self._counts: dict[tuple[str, str], Agreement] = {}
        self._kept_at = time.monotonic()

    async def take(self, wanted: LiveModel | None, live: ServedModel | None) -> None:
        """Have a model run beside the live one, or none; one that cannot be loaded is logged and harms nothing."""
        if wanted is None or live is None:
            self._running = None
            return
        if self._running is not None and self._running.about.model_id == wanted.model_id:
            return
        self._running = None
        if wanted.model_id == self._refused_id and time.monotonic() - self._refused_at < _AGAIN_S:
            return
        from raypp.serving.detector import BundleDetector  # noqa: PLC0415 - whoever deploys this needs no torch

        try:
            loaded = await asyncio.to_thread(BundleDetector.load, wanted.file, self._settings, live)
            wanted.require(loaded.about.model_id)
        except RayppError as error:
            if wanted.model_id != self._refused_id:
                logger.warning("raypp: the shadow %s cannot run: %s", wanted.label, error)
            self._refused_id, self._refused_at = wanted.model_id, time.monotonic()
            return
        self._running, self._refused_id = loaded, ""
        logger.info("raypp: model %s runs as a shadow, and counts for nothing", wanted.label)

    def offer(
        self, blocks: Sequence[FrameBlock], detections: Sequence[Sequence[Sequence[Detection]]], live: ServedModel
    ) -> None:
        """Offer what the live model detected; frames are passed over while others are compared."""
        if self._running is None or self._running.about.model_id == live.model_id:
            return
        if self._offer is not None:
            self._count(self._running.about, live, Agreement(passed_over=sum(map(len, blocks))))
            return
        self._offer = _Offer(blocks, detections, live)
        self._offered.set()

    async def follow(self) -> None:
        """Compare what is offered, for ever."""
        while True:
            await self._offered.wait()
            self._offered.clear()
            offer, shadow = self._offer, self._running
            begin = time.perf_counter()
            try:
                if offer is not None and shadow is not None:
                    agreement = await asyncio.to_thread(_compare, shadow, offer)
                    self._count(shadow.about, offer.live, agreement)
                    await asyncio.sleep(_RESTS * (time.perf_counter() - begin))
            finally:
                self._offer = None

    async def keep(self, source: LiveModelSource) -> None:
        """Add what was counted to the ledger, every ten seconds; what it does not take now is kept for later."""
        if not self._counts or time.monotonic() - self._kept_at < _KEEP_S:
            return
        self._kept_at = time.monotonic()
        counts, self._counts = self._counts, {}
        for (shadow_id, live_id), agreement in counts.items():
            try:
                await asyncio.to_thread(source.add_agreement, shadow_id, live_id, agreement)
            except RayppError as error:
                logger.warning("raypp: the agreement of the shadow is kept for later: %s", error)
                self._add((shadow_id, live_id), agreement)

    def _count(self, shadow: ServedModel, live: ServedModel, agreement: Agreement) -> None:
        self._metrics.compared(agreement)
        self._add((shadow.model_id, live.model_id), agreement)

    def _add(self, pair: tuple[str, str], agreement: Agreement) -> None:
        self._counts[pair] = self._counts.get(pair, Agreement()) + agreement


def _compare(shadow: "BundleDetector", offer: _Offer) -> Agreement:
    detections = shadow.detect(offer.blocks)
    classes = max(offer.live.classes, shadow.about.classes, key=len)
    live_frames = [frame for block in offer.detections for frame in block]
    return compare_detections(live_frames, [frame for block in detections for frame in block], classes)
