"""Make a fit and an arm of a comparison that were killed after two of three epochs, and what they came to."""

import csv
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from raypp.detect.model import build_detector
from tests.ending import interrupt_on_sigterm
from tests.videos import make_dataset

_MODEL = ("--model", "yolov8p", "--size", "64", "--epochs", "3", "--batch", "2")
_ZERO_SHARE = 0.7


def raypp(*words: object) -> list[str]:
    return [sys.executable, "-m", "raypp", *map(str, words)]


def kill_after(epochs: int, find: Callable[[], Path], command: Sequence[str]) -> None:
    """Run a command until its state has been written so many times, and kill it."""
    written = set()
    with subprocess.Popen(command) as job:
        while len(written) < epochs:
            assert job.poll() is None, "ended before it could be killed"
            if find().exists():
                written.add(find().stat().st_mtime_ns)
            time.sleep(0.001)
        job.kill()


def epochs_of(state: Path) -> int:
    stored = torch.load(state, map_location="cpu", weights_only=True)
    return int(stored.get("trainer", stored)["epoch"])


def round_weights(path: Path) -> None:
    """Round a state so that it packs small: three values a tensor, averages as the weights, no gradients gathered."""
    stored = torch.load(path, map_location="cpu", weights_only=True)
    state = stored.get("trainer", stored)
    for name, tensor in state["model"].items():
        if tensor.is_floating_point() and tensor.numel() >= 64 and not name.endswith(("running_mean", "running_var")):
            limit = tensor.abs().flatten().kthvalue(max(1, int(_ZERO_SHARE * tensor.numel()))).values
            level = tensor.abs()[tensor.abs() > limit].mean() if bool((tensor.abs() > limit).any()) else limit
            tensor.copy_(torch.where(tensor.abs() > limit, tensor.sign() * level, torch.zeros(())))
        state["ema"][name].copy_(tensor)
    for kept in state["optimizer"]["state"].values():
        for value in kept.values():
            if isinstance(value, torch.Tensor) and value.numel() > 1:
                value.zero_()
    torch.save(stored, path)


def sums(path: Path) -> dict[str, list[float]]:
    stored = torch.load(path, map_location="cpu", weights_only=True)
    averages = stored.get("trainer", stored)["ema"]
    return {
        name: [float(tensor.double().sum()), float(tensor.double().abs().sum())]
        for name, tensor in averages.items()
        if name.endswith(".weight")
    }


def main(place: Path) -> None:
    make_dataset(place / "tools", count=9)
    subprocess.run(raypp("keygen", "--out", place / "owner.key"), check=True)
    torch.manual_seed(0)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, place / "public.pt")
    files = (place / "tools", "--key", place / "owner.key", "--weights", place / "public.pt", *_MODEL, "--here")
    options = ("--channels", 6, "--warm-up", 1, "--adversary", "field", "--keep-checkpoints")
    fit = raypp("fit", *files, "--out", place / "fit", *options)
    compare = raypp("compare", *files, "--out", place / "cost", "--arm", "plain")
    state = place / "fit" / "running" / "state.pt"
    kill_after(2, lambda: state, fit)

    def arm() -> Path:
        return next((place / "cost" / "running").glob("*/state.pt"), place / "none")

    kill_after(2, arm, compare)
    assert epochs_of(state) == epochs_of(arm()) == 2
    for path in (state, arm()):
        round_weights(path)
    shutil.copytree(place, place.with_name(place.name + "-killed"), symlinks=True)
    for command in (fit, compare):
        subprocess.run(command, check=True)
    with (place / "fit" / "results.csv").open(newline="") as file:
        last = list(csv.DictReader(file))[-1]
    del last["time"]
    ended = {"last": {name: float(value) for name, value in last.items()}, "fit": sums(state), "arm": sums(arm())}
    (place / "ended.json").write_text(json.dumps(ended, indent=1) + "\n")


if __name__ == "__main__":
    interrupt_on_sigterm()
    main(Path(sys.argv[1]))
