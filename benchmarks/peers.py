"""Other programs beside the veil job: FFmpeg's sampling and scaling alone, and deface, in an environment of their own.

Each runs on one core. Frames a CPU second count the frames that come out, with the program's start.
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

Row = tuple[str, str, str]
_PINNED = ("deface==1.5.0", "imageio-ffmpeg==0.6.0", "onnxruntime==1.31.1")
_FPS = 2
_DEFACED_S = 6


def peer_rows(video: Path, folder: Path) -> list[Row]:
    """Frames a CPU second of sampling a video at 2 fps: the whole veil job, FFmpeg alone, and deface on the samples."""
    binaries = _environment(folder / "peers")
    ffmpeg = _printed([str(binaries / "python"), "-c", "import imageio_ffmpeg as i; print(i.get_ffmpeg_exe())"])
    key, out, short = folder / "owner.key", folder / "veiled", folder / "sampled.mp4"
    save_owner_key(VeilKey.generate(), key)
    veil = [sys.executable, "-m", "raypp", "veil", str(video), "--out", str(out), "--private", str(folder / "private")]
    veil_s = _cpu_s([*veil, "--key", str(key), "--fps", str(_FPS), "--on", "local"])
    sampling = [ffmpeg, "-v", "error", "-threads", "1", "-i", str(video), "-filter_threads", "1", "-vf"]
    scaled_s = _cpu_s([*sampling, f"fps={_FPS},scale=640:-2,format=rgb24", "-f", "rawvideo", "-y", os.devnull])
    _cpu_s([*sampling, f"fps={_FPS}", "-t", str(_DEFACED_S), "-y", str(short)])
    deface_s = _cpu_s([str(binaries / "deface"), str(short), "--output", str(folder / "defaced.mp4")])
    frames = _frames(ffmpeg, video)
    veiled, scaled, defaced = frames / veil_s, frames / scaled_s, _DEFACED_S * _FPS / deface_s
    return [
        (f"FFmpeg alone, fps={_FPS} and scale", f"{scaled:.1f} frames/cpu s", ""),
        (f"deface on the frames of {_FPS} fps", f"{defaced:.1f} frames/cpu s", ""),
        (f"veil job at {_FPS} fps", f"{veiled:.1f} frames/cpu s", ""),
        ("veil job / FFmpeg alone", f"{veiled / scaled:.2f}", "bar >= 1.2"),
        ("veil job / deface", f"{veiled / defaced:.2f}", "bar >= 3"),
    ]


def _environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", str(folder)], check=True)
    binaries = folder / "bin"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(binaries / "python")]
    subprocess.run([*install, *_PINNED], check=True, cwd=folder)  # where no overrides of this project hold
    return binaries


def _printed(call: list[str]) -> str:
    return subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def _frames(ffmpeg: str, video: Path) -> int:
    """How many frames FFmpeg samples; the job's differ by one at most, at the end."""
    call = [ffmpeg, "-v", "error", "-i", str(video), "-vf", f"fps={_FPS}", "-f", "framehash", "-"]
    return sum(not line.startswith("#") for line in _printed(call).splitlines())


def _cpu_s(call: list[str]) -> float:
    """CPU time, in seconds, of a program on one core."""
    core = min(os.sched_getaffinity(0))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["taskset", "-c", str(core), *call], check=True, stdout=subprocess.DEVNULL, env=environment)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
