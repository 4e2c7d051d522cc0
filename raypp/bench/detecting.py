"""Detecting by engine and batch: CPU and wall time of a frame on one thread, or on one GPU."""

import time
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from raypp.capacity.rates import DetectRate
from raypp.detect.bundle import read_bundle_header
from raypp.detect.engines.name import Engine, Precision, require_engine
from raypp.errors import ModelError
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings

_LEAST_S, _MOST_RUNS, _LEAST_RUNS = 1.0, 50, 3
_CPU_FRAMES = 4
"""Frames that a gateway hands to a detector on a CPU in one turn."""
_CPU = ((Engine.ONNXRUNTIME, Precision.FLOAT32), (Engine.OPENVINO, Precision.AUTO), (Engine.TORCH, Precision.FLOAT32))
_TAKES_GPU = {Engine.TORCH}
_GPU_BATCHES = (1, 4, 16, 64)


def engines_here() -> tuple[tuple[Engine, Precision], ...]:
    """Return the engines that are installed and compute on the CPU here, each with its precision."""
    taken = _TAKES_GPU if gpu_name() else set()
    return tuple(choice for choice in _CPU if _is_installed(choice[0]) and choice[0] not in taken)


def cpu_rate(bundle: Path, engine: Engine, precision: Precision) -> DetectRate:
    """Measure an engine on one thread, frames computed singly, as the service does it.

    Args:
        bundle: the detector.
        engine: what computes.
        precision: what it multiplies in.
    """
    settings = DetectionSettings(threads=1, engine=engine, precision=precision, batch=1)
    return _rate(bundle, settings, _CPU_FRAMES, "cpu")


def gpu_rates(bundle: Path) -> list[DetectRate]:
    """Measure torch on a GPU by batch; nothing where there is no GPU."""
    if not torch.cuda.is_available():
        return []
    return [
        _rate(bundle, DetectionSettings(threads=1, engine=Engine.TORCH, batch=batch), batch, "gpu")
        for batch in _GPU_BATCHES
    ]


def gpu_name() -> str | None:
    """Return the name of the GPU that detectors are measured on, or None."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _rate(bundle: Path, settings: DetectionSettings, frames: int, device: Literal["cpu", "gpu"]) -> DetectRate:
    detector = BundleDetector.load(bundle, settings)
    spec, size = detector.about.spec, detector.about.size
    side, chance = size // spec.patch, np.random.default_rng(0)
    codes = chance.integers(0, spec.levels, (frames, spec.channels, side, side), dtype=np.uint8)
    block = FrameBlock(codes, 0, size, size)
    detector.detect([block])
    cpu: list[float] = []
    wall: list[float] = []
    began = time.perf_counter()
    while len(wall) < _LEAST_RUNS or (len(wall) < _MOST_RUNS and time.perf_counter() - began < _LEAST_S):
        before, before_cpu = time.perf_counter(), time.process_time()
        detector.detect([block])
        cpu.append((time.process_time() - before_cpu) / frames * 1e3)
        wall.append((time.perf_counter() - before) / frames * 1e3)
    return DetectRate(
        engine=detector.about.engine,
        device=device,
        model=read_bundle_header(bundle).info.architecture,
        size=size,
        batch=settings.batch or 1,
        cpu_ms=sum(cpu) / len(cpu),
        wall_ms=sum(wall) / len(wall),
    )


def _is_installed(engine: Engine) -> bool:
    try:
        require_engine(engine)
    except ModelError:
        return False
    return True
