"""Memory of the service: idle streams, busy streams, and clients that send and never read."""

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import numpy.typing as npt

from benchmarks.plant import PACE_FPS, BenchmarkedService, running_plant
from raypp.bench.processes import pss_of

Row = tuple[str, str, str]
_IDLE, _BUSY, _DEAF = 50, 10, 20
_RUNS_S, _EARLY_S = 180, 60
_CHUNK = 4
_WINDOW = 8


def service_memory_rows(folder: Path) -> list[Row]:
    """PSS of gateway and detector: before, early and late with many streams, and after clients that never read."""
    with running_plant(folder / "service-memory") as plant:
        codes = plant.codes()
        empty = _memory(plant)
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(_BUSY) as pool:
            for number in range(_IDLE):
                stack.enter_context(plant.connection(f"idle-{number}")).open()
            until = time.monotonic() + _RUNS_S
            busy = [pool.submit(_stream, plant, f"busy-{number}", codes, until) for number in range(_BUSY)]
            time.sleep(_EARLY_S)
            early = _memory(plant)
            time.sleep(max(0.0, until - 5 - time.monotonic()))
            late = _memory(plant)
            frames = sum(future.result() for future in busy)
        cut = sum(_never_reads(plant, f"deaf-{number}", codes) for number in range(_DEAF))
        after = _memory(plant)
    return [
        ("service, no stream", f"{empty / 1e6:.0f} MB", "PSS of gateway and detector"),
        (f"service, {_IDLE} idle and {_BUSY} busy streams, {_EARLY_S} s", f"{early / 1e6:.0f} MB", ""),
        (f"service, the same, {_RUNS_S - 5} s", f"{late / 1e6:.0f} MB", f"{frames} frames committed"),
        ("late / early", f"{late / early:.3f}", "bar 0.95 to 1.05"),
        (f"service, after {_DEAF} clients that never read", f"{after / 1e6:.0f} MB", f"{cut} were cut off"),
    ]


def _memory(plant: BenchmarkedService) -> int:
    return pss_of([*plant.service.replicas("Gateway"), *plant.service.replicas("Detector")])


def _stream(plant: BenchmarkedService, camera: str, codes: npt.NDArray[np.uint8], until: float) -> int:
    """Stream frames until a moment, `PACE_FPS` a second as far as the service keeps up; returns how many."""
    sequence = 0
    with plant.connection(camera) as stream:
        stream.open()
        due = time.monotonic()
        while time.monotonic() < until:
            sequence += 1
            first = (sequence - 1) * _CHUNK
            stream.chunk(sequence, codes[np.arange(first, first + _CHUNK) % len(codes)], first)
            stream.committed()
            due += _CHUNK / PACE_FPS
            time.sleep(max(0.0, min(due, until) - time.monotonic()))
    return sequence * _CHUNK


def _never_reads(plant: BenchmarkedService, camera: str, codes: npt.NDArray[np.uint8]) -> bool:
    """Send chunk after chunk without reading an answer; returns whether the service cut the stream off."""
    with plant.connection(camera) as stream:
        stream.open()
        for sequence in range(1, 4 * _WINDOW):
            first = (sequence - 1) * _CHUNK
            stream.chunk(sequence, codes[np.arange(first, first + _CHUNK) % len(codes)], first, seen=0)
        return stream.error().code() is grpc.StatusCode.RESOURCE_EXHAUSTED
