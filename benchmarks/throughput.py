"""Throughput: the veil against decoding on one thread, and the whole job against a plain loop of processes."""

import json
import os
import subprocess
import sys
import time
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

from raypp.bench.veiling import time_veiling
from raypp.ingest.attempts import attempt_segments
from raypp.ingest.job import open_job
from raypp.ingest.segment import Segment, SegmentResult
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker
from raypp.progress import SILENT
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.spec import PatchSpec

Row = tuple[str, str, str]
_SEGMENT_S = 20.0
_FRAMES = 300


def one_thread_rows(video: Path) -> list[Row]:
    """Seconds per frame of veiling and packing over those of decoding and resizing, one thread, alternating."""
    times = time_veiling(video, 640, PatchSpec(), _FRAMES)
    return [
        ("decode + resize 720p to 640 wide, one thread", f"{times.decode_ms:.2f} ms a frame", ""),
        ("veil + pack, one thread", f"{times.veil_ms:.2f} ms a frame", ""),
        ("veil / (decode + resize)", f"{times.veil_ms / times.decode_ms:.2f}", "bar <= 0.35"),
    ]


def job_rows(video: Path, folder: Path) -> list[Row]:
    """Frames per second of the Ray job, once running, over those of a plain loop on as many processes."""
    key = folder / "owner.key"
    save_owner_key(VeilKey.generate(), key)
    single = _loop(video, folder, key, 1)
    two = _loop(video, folder, key, 2)
    ray = _ray_job(video, folder, key)
    return [
        ("plain loop, 1 process", f"{single:.1f} frames/s", ""),
        ("plain loop, 2 processes", f"{two:.1f} frames/s", ""),
        ("2 processes / twice 1", f"{two / (2 * single):.2f}", "bar >= 0.9"),
        ("Ray job once running", f"{ray:.1f} frames/s", ""),
        ("Ray job / plain loop on 2", f"{ray / two:.2f}", "bar >= 0.85"),
    ]


def _settings(video: Path, out: Path, key: Path) -> VeilSettings:
    return VeilSettings(
        out=str(out), private=out.with_name(out.name + "-private"), key_path=key, fps=Fraction(5), segment_s=_SEGMENT_S
    )


_worker: SegmentWorker


def _open(settings: VeilSettings) -> None:
    global _worker  # noqa: PLW0603 - a worker process holds one
    _worker = SegmentWorker.open(settings)


def _veil(segment: Segment) -> tuple[int, float]:
    ((outcome,),) = attempt_segments([segment], _worker)
    assert isinstance(outcome, SegmentResult)
    return outcome.receipt.frames, time.monotonic()


def _loop(video: Path, folder: Path, key: Path, processes: int) -> float:
    """Veil the video in a plain pool of processes, without Ray."""
    out = folder / f"loop-{processes}"
    settings = _settings(video, out, key)
    with open_job(settings, [str(video)], SILENT) as job:
        segments = job.plan.segments if processes > 1 else job.plan.segments[: max(4, len(job.plan.segments) // 2)]
        with get_context("spawn").Pool(processes, _open, (settings,)) as pool:
            done = list(pool.imap_unordered(_veil, segments))
    return _rate(done)


def _rate(done: list[tuple[int, float]]) -> float:
    """Frames per second between the first and the last completion: start-up is left out of both sides."""
    ordered = sorted(done, key=lambda measured: measured[1])
    return sum(frames for frames, _ in ordered[1:]) / (ordered[-1][1] - ordered[0][1])


def _ray_job(video: Path, folder: Path, key: Path) -> float:
    """Veil the video by the job on a local Ray of two CPUs; times come from the shards' receipts as they appear."""
    out = folder / "ray"
    program = (
        "import json, sys, time\n"
        "from pathlib import Path\n"
        "from jobs.veil_archive import veil_on_ray\n"
        "from raypp.execution import ExecutionSettings\n"
        "from raypp.ingest.job import open_job\n"
        "from raypp.progress import SILENT\n"
        "from raypp.ingest.settings import VeilSettings\n"
        "settings = VeilSettings.model_validate_json(sys.argv[1])\n"
        "done = []\n"
        "with open_job(settings, [sys.argv[2]], SILENT) as job:\n"
        "    for result in veil_on_ray(job.plan.segments, settings, ExecutionSettings(workers=2)):\n"
        "        done.append((result.receipt.frames, time.monotonic()))\n"
        "print(json.dumps(done))\n"
    )
    settings = _settings(video, out, key).model_dump_json()
    env = os.environ | {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    finished = subprocess.run(
        [sys.executable, "-c", program, settings, str(video)], check=True, capture_output=True, text=True, env=env
    )
    return _rate([(frames, moment) for frames, moment in json.loads(finished.stdout.splitlines()[-1])])
