"""The Serve deployment that owns a loaded detector: frames of many streams in, detections out."""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from actors.logs import structure_logs
from actors.metrics import DetectorMetrics
from actors.spans import DetectionSpans
from raypp.errors import RayppError
from raypp.io.log_record import LogFormat
from raypp.io.tracing import flush as flush_spans
from raypp.io.tracing import start as start_tracing
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.settings import DetectionSettings

if TYPE_CHECKING:
    from raypp.serving.detector import BundleDetector

FRAMES_TOGETHER = 64
"""Frames of several streams that are handed to the detector at once."""
_WAIT_S = 0.002

logger = logging.getLogger("ray.serve")


class DetectorConfig(BaseModel):
    """Settings that may change while replicas run: Serve's `user_config`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path
    revision: str = Field("", description="change it to have the same path read again")


def _frames(blocks: Sequence[FrameBlock]) -> int:
    return sum(map(len, blocks))


class Detector:
    """Detects on frames of one veil.

    Args:
        settings: JSON of `DetectionSettings`.
        log_format: of its log.
    """

    def __init__(self, settings: str, log_format: LogFormat = LogFormat.TEXT) -> None:
        structure_logs(log_format, "detector")
        start_tracing("detector")
        self._settings = DetectionSettings.model_validate_json(settings)
        self._running: BundleDetector | None = None
        self._loading = asyncio.Lock()
        self._metrics = DetectorMetrics()

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Load the model that the config names.

        Where one runs already, it runs on until the new one is ready; a file that cannot take its place is logged and
        counted, and harms no stream.

        Raises:
            ModelError: if the first model cannot be loaded.
        """
        path = DetectorConfig.model_validate(config).model
        try:
            await self._load(path)
        except RayppError as error:
            if self._running is None:
                raise
            self._metrics.reload_refused()
            logger.warning("raypp: the model stays as it is: %s", error)

    async def reload(self, path: str) -> str | None:
        """Load a model in place of the running one; returns why it could not be, or None."""
        try:
            await self._load(Path(path))
        except RayppError as error:
            self._metrics.reload_refused()
            return str(error)
        return None

    async def describe(self) -> ServedModel:
        """Return what the running model is."""
        return self._detector.about

    @serve.batch(max_batch_size=FRAMES_TOGETHER, batch_wait_timeout_s=_WAIT_S, batch_size_fn=_frames)
    async def detect(self, blocks: list[FrameBlock]) -> list[DetectedBlock]:
        """Detect on blocks of several streams together; Serve gathers them. Gateways have checked them."""
        detector = self._detector
        begin = time.perf_counter()
        with DetectionSpans(blocks, detector.about):
            detections = await asyncio.to_thread(detector.detect, blocks)
        self._metrics.detected(blocks, time.perf_counter() - begin)
        return [DetectedBlock(detector.about.model_id, frames) for frames in detections]

    def __del__(self) -> None:
        """Send what spans are left: Serve calls this when a replica goes in peace."""
        flush_spans()

    @property
    def _detector(self) -> "BundleDetector":
        if self._running is None:
            raise RuntimeError("the detector has no model yet")
        return self._running

    async def _load(self, path: Path) -> None:
        # Here, since whoever deploys this class needs no torch.
        from raypp.serving.detector import BundleDetector  # noqa: PLC0415

        async with self._loading:
            running = self._running.about if self._running is not None else None
            self._running = await asyncio.to_thread(BundleDetector.load, path, self._settings, running)
            about = self._running.about
            self._metrics.loaded(about)
            logger.info("raypp: model %s is computed by %s", about.model_id[:12], about.engine)
