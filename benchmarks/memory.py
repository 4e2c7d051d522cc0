"""Memory: the summed proportional set size of the whole job on a short and on a long video."""

import os
import subprocess
import sys
import time
from pathlib import Path

from raypp.bench.processes import family, pss_of
from raypp.bench.sample_video import make_source
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

Row = tuple[str, str, str]


def memory_rows(folder: Path) -> list[Row]:
    """Peak PSS of driver, Ray and workers for 10 and for 60 minutes of video."""
    key = folder / "memory.key"
    save_owner_key(VeilKey.generate(), key)
    peaks = []
    for minutes in (10, 60):
        video = make_source(folder / f"memory-{minutes}" / "video.mp4", minutes, (320, 192))
        peaks.append(_peak(video, folder / f"memory-out-{minutes}", key))
        video.unlink()
    return [
        ("peak memory, 10 minutes", f"{peaks[0] / 1e6:.0f} MB", ""),
        ("peak memory, 60 minutes", f"{peaks[1] / 1e6:.0f} MB", ""),
        ("60 minutes / 10 minutes", f"{peaks[1] / peaks[0]:.2f}", "bar 0.85 to 1.15"),
    ]


def _peak(video: Path, out: Path, key: Path) -> int:
    command = [
        sys.executable, "-m", "raypp", "veil", str(video), "--out", str(out), "--key", str(key), "--size", "320",
        "--workers", "2", "--shard-mb", "8",
    ]  # fmt: skip
    env = os.environ | {"RAY_AUTH_MODE": "disabled", "OMP_NUM_THREADS": "1"}
    peak = 0
    with subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL) as job:
        while job.poll() is None:
            peak = max(peak, pss_of(family(job.pid)))
            time.sleep(0.5)
    if job.returncode:
        raise RuntimeError(f"the job exited with {job.returncode}")
    return peak
