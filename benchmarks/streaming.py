"""Streaming: agent, nginx, service and ledger against one process that decodes, veils and detects the same frames."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.plant import HEIGHT, PACE_FPS, SPEC, WIDTH, BenchmarkedService, running_plant
from raypp.ledger.store import Ledger
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.veil.veil import Veil
from tests.command import environment

Row = tuple[str, str, str]
_CHUNKS = (1, 2, 4, 8, 16, 32)
_DEFAULT_CHUNK = 8
_CAMERAS, _PACED_S = 2, 40


def streaming_rows(folder: Path) -> list[Row]:
    """Frames per second of the whole path over those of one process, and latency, over the size of chunks."""
    rows: list[Row] = []
    with running_plant(folder / "streaming") as plant:
        bare = {threads: _one_process(plant, threads) for threads in sorted({1, os.cpu_count() or 1})}
        for threads, rate in bare.items():
            rows.append((f"decode, veil, detect in one process, {threads} thread(s)", f"{rate:.1f} frames/s", ""))
        codes = plant.codes()
        for frames in _CHUNKS:
            rate = _whole_path(plant, frames)
            p50, p95, p99 = np.percentile(_latencies(plant, frames, codes), (50, 95, 99))
            what = f"agent, nginx, service, ledger; chunks of {frames}"
            rows.append((what, f"{rate:.1f} frames/s", ""))
            rows.append(
                (
                    f"{what} / one process",
                    f"{rate / max(bare.values()):.2f}",
                    "bar >= 0.75" if frames == _DEFAULT_CHUNK else "",
                )
            )
            rows.append((f"chunks of {frames}: sent to committed", f"{p50:.0f} {p95:.0f} {p99:.0f} ms", "p50 p95 p99"))
    return rows


def _one_process(plant: BenchmarkedService, threads: int) -> float:
    """Decode, veil and detect; returns frames per second."""
    detector = BundleDetector.load(plant.place / "tools.model", DetectionSettings(threads=threads))
    encoder = Veil(SPEC, plant.key).stream("plant", "gate")
    began, frames = time.monotonic(), 0
    for pixels in plant.frames():
        detector.detect([FrameBlock(encoder.encode(pixels[None]), encoder.sub_key, WIDTH, HEIGHT)])
        frames += 1
    rate = frames / (time.monotonic() - began)
    torch.set_num_threads(1)
    return rate


def _whole_path(plant: BenchmarkedService, chunk_frames: int) -> float:
    """Stream the video with the agent; returns frames per second from the first to the last commit."""
    video = plant.place / f"film_2026{chunk_frames // 28 + 3:02}{chunk_frames % 28 + 1:02}_080000.mp4"  # another day
    os.link(plant.video, video)
    command = [
        sys.executable, "-m", "raypp", "stream", video, "--site", "plant", "--camera", "gate", "--fps", "every",
        "--key", plant.place / "plant.key", "--server", f"localhost:{plant.port}", "--ca", plant.place / "ca.pem",
        "--token-file", plant.place / "token", "--spool", plant.place / f"spool-{chunk_frames}",
        "--chunk-frames", chunk_frames, "--time-from", "name:%Y%m%d_%H%M%S",
    ]  # fmt: skip
    seen: list[tuple[int, float]] = []
    with plant.service.ledger() as ledger, (plant.place / "agent.log").open("ab") as log:
        before = _frames_held(ledger)
        with subprocess.Popen([str(part) for part in command], env=environment(), stdout=log, stderr=log) as agent:
            while agent.poll() is None:
                held = _frames_held(ledger) - before
                if held > (seen[-1][0] if seen else 0):
                    seen.append((held, time.monotonic()))
                time.sleep(0.05)
    if agent.returncode:
        raise RuntimeError((plant.place / "agent.log").read_text())
    (first, began), (last, ended) = seen[0], seen[-1]
    return (last - first) / (ended - began)


def _frames_held(ledger: Ledger) -> int:
    return sum(stream.frames for stream in ledger.streams("plant"))


def _latencies(plant: BenchmarkedService, chunk_frames: int, codes: npt.NDArray[np.uint8]) -> list[float]:
    """Milliseconds from sending a chunk to its commit, of cameras that send at their own pace."""

    def camera(number: int) -> list[float]:
        times = []
        with plant.connection(f"paced-{chunk_frames}-{number}") as stream:
            stream.open()
            due = time.monotonic() + number * chunk_frames / PACE_FPS / _CAMERAS
            for sequence in range(1, max(4, _PACED_S * PACE_FPS // chunk_frames) + 1):
                time.sleep(max(0.0, due - time.monotonic()))
                due += chunk_frames / PACE_FPS
                first = (sequence - 1) * chunk_frames
                sent = time.monotonic()
                stream.chunk(sequence, codes[np.arange(first, first + chunk_frames) % len(codes)], first)
                stream.committed()
                times.append((time.monotonic() - sent) * 1e3)
        return times

    with ThreadPoolExecutor(_CAMERAS) as pool:
        return [latency_s for times in pool.map(camera, range(_CAMERAS)) for latency_s in times]
