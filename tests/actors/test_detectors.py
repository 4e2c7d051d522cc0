"""A gateway's detectors: another one is asked where one is silent and it may be, and losers are left."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from actors import replicas as of_replicas
from actors import services as of_services
from actors.services import Detectors
from raypp.serving.fairness import Priority
from raypp.serving.model import DetectedBlock, FrameBlock
from raypp.serving.settings import DetectionSettings, Scale, ServiceSettings
from tests.command import environment
from tests.command_server import ROOT

_VEIL = "ab" * 16
_MODEL = "cd" * 32
_BLOCK = FrameBlock(np.zeros((1, 1, 2, 2), np.uint8), 0, 32, 32)
_HEDGE_S = 0.1


@dataclass
class _Handle:
    """Serve's handle of detectors of which the first call is silent for a while."""

    silent_s: float
    app_name: str = "raypp"
    deployment_name: str = "Detector"
    begun: int = 0
    cancelled: list[int] = field(default_factory=list)

    @property
    def detect(self) -> Any:
        return SimpleNamespace(remote=self._remote)

    describe = detect

    def _remote(self, *_: FrameBlock) -> Any:
        self.begun += 1
        return _Response(self, self.begun)


@dataclass
class _Response:
    handle: _Handle
    number: int

    def __await__(self) -> Generator[Any, Any, DetectedBlock]:
        return self._answer().__await__()

    async def _answer(self) -> DetectedBlock:
        if self.number == 1:
            await asyncio.sleep(self.handle.silent_s)
        return DetectedBlock(_MODEL, ((),))

    def cancel(self) -> None:
        self.handle.cancelled.append(self.number)


@pytest.mark.parametrize(
    ("most", "running", "hedge_after_s", "begun"),
    [(2, 2, _HEDGE_S, 2), (2, 1, _HEDGE_S, 1), (2, 2, 0, 1), (1, 1, _HEDGE_S, 1)],
)
def test_a_second_is_asked_where_there_is_one_and_the_loser_is_left(
    monkeypatch: pytest.MonkeyPatch, most: int, running: int, hedge_after_s: float, begun: int
) -> None:
    monkeypatch.setattr(of_replicas.RunningReplicas, "_asked", lambda _: running)
    settings = ServiceSettings(
        models=(Path("tools.model"),),
        detectors=Scale(least=1, most=most),
        detection=DetectionSettings(hedge_after_s=hedge_after_s),
    )
    hedges: list[None] = []
    metrics = SimpleNamespace(hedged=lambda: hedges.append(None))
    handle = _Handle(silent_s=0.6)

    async def detect() -> DetectedBlock:
        detectors = Detectors(cast("Any", {_VEIL: handle}), cast("Any", metrics), settings)
        answer = await detectors.detect(_VEIL, _BLOCK, "plant", Priority.STREAM)
        await asyncio.sleep(0)
        return answer

    assert asyncio.run(detect()).model_id == _MODEL
    assert (handle.begun, len(hedges)) == (begun, begun - 1)
    assert handle.cancelled == list(range(1, begun))


def test_a_detector_that_is_not_ready_in_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_services, "_AT_ONCE_S", 0.1)
    handle = _Handle(silent_s=60)
    settings = ServiceSettings(models=(Path("tools.model"),))

    async def is_ready() -> bool:
        return await Detectors(cast("Any", {_VEIL: handle}), cast("Any", None), settings).are_ready()

    assert not asyncio.run(is_ready())
    assert handle.cancelled == [1]


def test_a_controller_that_does_not_answer_leaves_the_count_at_what_serve_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(_: object) -> int:
        raise KeyError("raypp")

    monkeypatch.setattr(of_replicas.RunningReplicas, "_asked", gone)
    assert asyncio.run(of_replicas.RunningReplicas("raypp", "Detector", 2).count()) == 2


@pytest.mark.ray
@pytest.mark.slow
def test_on_ray_a_held_replica_costs_the_wait_and_what_waits_there_is_dropped_when_it_is_cancelled(
    tmp_path: Path,
) -> None:
    env = environment(RAY_TMPDIR=os.environ.get("RAY_TMPDIR", "/tmp"))  # a socket's path must be short
    done = subprocess.run(
        [sys.executable, "-m", "tests.actors.held_detectors", tmp_path],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["running"] == 2
    assert 1 <= report["hedged_s"] < 30
    assert report["begun"] == ["begun-1", "begun-3"]
