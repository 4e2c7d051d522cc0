"""The Serve deployment that owns a loaded detector: frames of many streams in, detections out."""

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve

from actors.background import kept_up
from actors.logs import structure_logs
from actors.metrics import DetectorMetrics
from actors.shadow import Shadow
from actors.spans import DetectionSpans
from raypp.errors import RayppError
from raypp.io.log_record import LogFormat
from raypp.io.tracing import flush as flush_spans
from raypp.io.tracing import start as start_tracing
from raypp.serving.live_model import LiveModel, LiveModelSource
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.settings import DetectionSettings

if TYPE_CHECKING:
    from raypp.serving.detector import BundleDetector

FRAMES_TOGETHER = 64
"""Frames of several streams that are handed to the detector at once."""
_WAIT_S = 0.002
_LOOK_S, _AGAIN_S = 1.0, 30.0
"""How often the registry is looked at; and how long a live model that could not be loaded is left alone."""

logger = logging.getLogger("ray.serve")


class DetectorConfig(BaseModel):
    """Settings that may change while replicas run: Serve's `user_config`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Path
    revision: str = Field("", description="change it to have the same path read again")


def _frames(blocks: Sequence[FrameBlock]) -> int:
    return sum(map(len, blocks))


class Detector:
    """Detects on frames of one veil; by its live model, where the registry of the home ledger has one.

    Args:
        settings: JSON of `DetectionSettings`.
        veil_id: the veil.
        home: URL of the home ledger; None: the variable RAYPP_LEDGER of the replica names it.
        log_format: of its log.
    """

    def __init__(
        self, settings: str, veil_id: str, home: str | None = None, log_format: LogFormat = LogFormat.TEXT
    ) -> None:
        structure_logs(log_format, "detector")
        start_tracing("detector")
        self._settings = DetectionSettings.model_validate_json(settings)
        self._running: BundleDetector | None = None
        self._former: BundleDetector | None = None
        self._loading = asyncio.Lock()
        self._metrics = DetectorMetrics()
        self._source, self._looking = LiveModelSource(veil_id, home), asyncio.Lock()
        self._shadow = Shadow(self._settings, self._metrics)
        self._live: LiveModel | None = None
        self._wanted_shadow: LiveModel | None = None
        self._trouble, self._refused_id, self._refused_at = "", "", 0.0
        loop = asyncio.get_running_loop()
        works = (self._follow, self._follow_shadow, self._shadow.follow)
        self._following = [loop.create_task(kept_up(work)) for work in works]

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """Load the model that the config names, or the live one where the registry has one.

        Where one runs already, it runs on until the new one is ready; a file that cannot take its place is logged and
        counted, and harms no stream.

        Raises:
            ModelError: if the first model cannot be loaded.
        """
        path = DetectorConfig.model_validate(config).model
        await self._take_live()
        if self._live is not None and self._running is not None:
            return
        try:
            await self._load(path)
        except RayppError as error:
            if self._running is None:
                raise
            self._metrics.reload_refused()
            logger.warning("raypp: the model stays as it is: %s", error)

    async def reload(self, path: str) -> str | None:
        """Load a model in place of the running one; returns why it could not be, or None."""
        await self._take_live()
        if self._live is not None:
            return (
                f"{path} is not read: veil {self._source.veil_id} has the live model {self._live.label} of the "
                "registry; promote another one with `raypp model promote`"
            )
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
        self._shadow.offer(blocks, detections, detector.about)
        return [DetectedBlock(detector.about.model_id, frames) for frames in detections]

    def __del__(self) -> None:
        """Send what spans are left: Serve calls this when a replica goes in peace."""
        flush_spans()

    @property
    def _detector(self) -> "BundleDetector":
        if self._running is None:
            raise RuntimeError("the detector has no model yet")
        return self._running

    async def _follow(self) -> None:
        """Take the live model whenever it is another one, for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._running is not None:
                await self._take_live()

    async def _follow_shadow(self) -> None:
        """Have the model that the registry wants beside the live one run there, for ever."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._shadow.take(self._wanted_shadow, self._running.about if self._running else None)
            await self._shadow.keep(self._source)

    async def _take_live(self) -> None:
        """Look which model is live, and have it run; what stands against it is logged, and harms no stream."""
        async with self._looking:
            try:
                live, self._wanted_shadow = await asyncio.to_thread(self._source.read)
            except RayppError as error:
                self._note(f"the registry cannot be read, so the model stays as it is: {error}")
                return
            self._live = live
            if live is None or (self._running is not None and self._running.about.model_id == live.model_id):
                self._trouble = ""
                return
            if live.model_id == self._refused_id and time.monotonic() - self._refused_at < _AGAIN_S:
                return
            try:
                await self._load(live.file, live)
            except RayppError as error:
                self._refused_id, self._refused_at = live.model_id, time.monotonic()
                self._metrics.reload_refused()
                self._note(f"the live model {live.label} cannot be served, so the model stays as it is: {error}")

    def _note(self, trouble: str) -> None:
        """Log what is wrong once."""
        if trouble != self._trouble:
            logger.warning("raypp: %s", trouble)
        self._trouble = trouble

    async def _load(self, path: Path, live: LiveModel | None = None) -> None:
        # Here, since whoever deploys this class needs no torch.
        from raypp.serving.detector import BundleDetector  # noqa: PLC0415

        async with self._loading:
            running = self._running.about if self._running is not None else None
            former = self._former
            if live and running and former and former.about.model_id == live.model_id:
                loaded = former  # it fitted before: a rollback takes no time, whatever the engine
            else:
                loaded = await asyncio.to_thread(BundleDetector.load, path, self._settings, running)
                if live is not None:
                    live.require(loaded.about.model_id)
            self._former, self._running = (self._running if live else None), loaded
            about = self._running.about
            self._metrics.loaded(about)
            logger.info("raypp: model %s is computed by %s", about.model_id[:12], about.engine)
