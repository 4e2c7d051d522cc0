"""Training: what a frame costs beside other work, a step beside ultralytics' own, and how soon Ray makes the first."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.older import ROOT, checked_out, run_in
from benchmarks.training_images import veiled_images

Row = tuple[str, str, str]

_STEPS, _LIBRARY = (str(ROOT / "benchmarks" / name) for name in ("training_steps.py", "ultralytics_steps.py"))
_QUIET = {"GOMP_SPINCOUNT": "0"}
_NO_AMX = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
_STARTS = 2


def busy_training_rows(folder: Path) -> list[Row]:
    """CPU of a frame with two busy loops running beside, over that with threads that are known not to spin."""
    archive = veiled_images(folder, 16, 320)
    rows: list[Row] = []
    with checked_out(folder) as before, _busy():
        for mode in ("train", "evaluate"):
            call = [_STEPS, str(archive), "8", "float32", mode]
            sides = {"before": (before, {}), "now": (ROOT, {}), "quiet": (ROOT, _QUIET)}
            cpu = {side: _cost(run_in(tree, call, **own), "cpu") for side, (tree, own) in sides.items()}
            rows += [
                (f"{mode} beside other work, CPU a frame before", f"{cpu['before']:.0f} ms", ""),
                (f"{mode} beside other work, CPU a frame now", f"{cpu['now']:.0f} ms", ""),
                (f"{mode} before / threads that sleep", f"{cpu['before'] / cpu['quiet']:.2f}", ""),
                (f"{mode} now / threads that sleep", f"{cpu['now'] / cpu['quiet']:.2f}", "bar <= 1.1"),
            ]
    return rows


def training_step_rows(folder: Path) -> list[Row]:
    """CPU of a frame of our training on codes, over ultralytics' own on images of the same size; one thread each."""
    archive, images = veiled_images(folder, 48, 320), folder / "images"
    rows: list[Row] = []
    with checked_out(folder) as before:
        for name, environment in (("", _ONE_THREAD), (", no AMX", _ONE_THREAD | _NO_AMX)):
            ultralytics = _cost(run_in(ROOT, [_LIBRARY, str(images), str(folder / "library")], **environment), "cpu")
            rows.append((f"ultralytics, CPU a frame{name}", f"{ultralytics:.0f} ms", ""))
            for side, tree, kind in (("before", before, "float32"), ("now", ROOT, "float32"), ("now", ROOT, "amp")):
                cost = _cost(run_in(tree, [_STEPS, str(archive), "16", kind, "train"], **environment), "cpu")
                bar = "bar <= 0.5" if side == "now" else ""
                rows.append((f"veiled / ultralytics, {kind}{name}, {side}", f"{cost / ultralytics:.2f}", bar))
    return rows


def first_step_rows(folder: Path) -> list[Row]:
    """Seconds from the command to the first step on a local Ray, before and now."""
    archive = veiled_images(folder, 64, 64)
    with checked_out(folder) as before:
        times = {
            side: min(_first_step(tree, archive, folder / f"{side}-{number}") for number in range(_STARTS))
            for side, tree in (("before", before), ("now", ROOT))
        }
    return [
        ("command to first step on Ray, before", f"{times['before']:.1f} s", ""),
        ("command to first step on Ray, now", f"{times['now']:.1f} s", "bar <= 12 s"),
    ]


def _cost(output: str, name: str) -> float:
    return float(median(json.loads(line)[name] for line in output.splitlines()))


def _first_step(tree: Path, archive: Path, out: Path) -> float:
    call = ["train", str(archive), "--out", str(out), "--model", "yolov8p", "--batch", "8", "--epochs", "1"]
    environment = os.environ | {"PYTHONPATH": str(tree), "RAY_AUTH_MODE": "disabled"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each of ten processes would compile all modules anew
    begun = time.monotonic()
    job = subprocess.Popen(
        [sys.executable, "-m", "raypp", *call, "--on", "ray"],
        cwd=tree,
        env=environment,
        stderr=subprocess.DEVNULL,
    )
    with job:
        while not (out / "step.json").exists():
            if job.poll() is not None:
                raise RuntimeError(f"the training exited with {job.returncode} before its first step")
            time.sleep(0.05)
        return time.monotonic() - begun


@contextmanager
def _busy(loops: int = 2) -> Iterator[None]:
    """Keep loops running that take all the CPU that they get."""
    running: Sequence[subprocess.Popen[bytes]] = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)
    ]
    try:
        yield
    finally:
        for loop in running:
            loop.kill()
            loop.wait()
