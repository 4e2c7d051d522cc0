"""Real replicas on Ray of which one is held: writes what a gateway's `Detectors` make of them to report.json."""

import asyncio
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import ray
from ray import serve

from actors.metrics import GatewayMetrics
from actors.replicas import RunningReplicas
from actors.services import Detectors
from raypp.serving.fairness import Priority
from raypp.serving.hedge import first_answer
from raypp.serving.model import DetectedBlock, FrameBlock
from raypp.serving.settings import DetectionSettings, Scale, ServiceSettings

_VEIL = "ab" * 16
_BLOCK = FrameBlock(np.zeros((1, 1, 2, 2), np.uint8), 0, 32, 32)
_HELD_S = 60.0
_HEDGE_S = 1.0


class Held:
    """A detector; the first of a folder that is called answers once the folder has a file `go`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    @serve.batch(max_batch_size=1, batch_wait_timeout_s=0)
    async def detect(self, blocks: list[FrameBlock]) -> list[DetectedBlock]:
        """Note the block by its width, and detect nothing."""
        (self._folder / f"begun-{blocks[0].width}").touch()
        try:
            (self._folder / "held").open("x").close()
        except FileExistsError:
            return [DetectedBlock("model", ((),)) for _ in blocks]
        end = time.monotonic() + _HELD_S
        while not (self._folder / "go").exists() and time.monotonic() < end:
            await asyncio.sleep(0.02)
        return [DetectedBlock("model", ((),)) for _ in blocks]


async def _hedged(handle: Any) -> dict[str, Any]:
    settings = ServiceSettings(
        models=(Path("tools.model"),),
        detectors=Scale(least=1, most=2),
        detection=DetectionSettings(hedge_after_s=_HEDGE_S),
    )
    detectors = Detectors({_VEIL: handle}, GatewayMetrics(), settings)
    begin = time.monotonic()
    await detectors.detect(_VEIL, _BLOCK, "plant", Priority.STREAM)
    running = await RunningReplicas(handle.app_name, handle.deployment_name, 1).count()
    return {"hedged_s": time.monotonic() - begin, "running": running}


async def _dropped(handle: Any, folder: Path) -> list[str]:
    async def never() -> bool:
        return False

    first = asyncio.ensure_future(handle.detect.remote(replace(_BLOCK, width=1)))
    while not (folder / "held").exists():
        await asyncio.sleep(0.02)
    waiting = asyncio.create_task(
        first_answer(lambda: handle.detect.remote(replace(_BLOCK, width=2)), _HELD_S, 1, never)
    )
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.sleep(1)
    (folder / "go").touch()
    await first
    await handle.detect.remote(replace(_BLOCK, width=3))
    return sorted(path.name for path in folder.glob("begun-*"))


def _main(place: Path) -> None:
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    options: Any = {"max_ongoing_requests": 16, "ray_actor_options": {"num_cpus": 0}}
    report: dict[str, Any] = {}
    for name, count in (("two", 2), ("single", 1)):
        held = serve.deployment(Held).options(num_replicas=count, **options)
        handle: Any = serve.run(held.bind(place / name), name=name, route_prefix=None)
        report |= asyncio.run(_hedged(handle)) if count > 1 else {"begun": asyncio.run(_dropped(handle, place / name))}
    (place / "report.json").write_text(json.dumps(report))
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
