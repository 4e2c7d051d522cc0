"""Work that nodes are lost under, such as an archive to veil; and whether what it left is the same."""

import csv
import json
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import ClassVar

import torch

from raypp.detect.model import build_detector
from tests.command import archive_bytes, environment
from tests.nodes.machine import Machine
from tests.videos import make_dataset, make_video

_RAYPP = (sys.executable, "-m", "raypp")
_SMALL = ("--size", 96, "--on", "local", "--shard-mb", 0.002)
_DETECTOR = ("--model", "yolov8p", "--batch", 8)
Results = Mapping[str, object]


@dataclass(frozen=True)
class Work(ABC):
    """Work that runs on a cluster's head and goes to its nodes.

    Attributes:
        place: folder of what it needs and leaves.
    """

    place: Path
    here: ClassVar[bool] = True
    """Whether one process leaves the same; else its workers on Ray do, wherever they are."""
    needs_all: ClassVar[bool] = False
    """Whether it goes on only once a lost node is back."""
    actor: ClassVar[str] = ""
    """Name of the actors that do it; a node of theirs is lost, or of any where this is empty."""
    on_cluster: ClassVar[tuple[object, ...]] = ()
    """Options that it has on a cluster alone."""
    steps: ClassVar[int]
    """How often `progress` counts until it is done; 0 where nobody can count, and any worker will do."""

    @abstractmethod
    def words(self, out: Path) -> list[object]:
        """Say which command does it."""

    @abstractmethod
    def results(self, out: Path) -> Results:
        """Read what must be the same, however many nodes were lost."""

    @abstractmethod
    def progress(self, out: Path) -> int:
        """Count what is done while it runs."""

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    def begin(self, machine: Machine, address: str, out: Path) -> "Popen[bytes]":
        """Begin it on a cluster."""
        words = (*self.words(out), *self.on_cluster, "--address", address)
        return machine.begin(*_RAYPP, *words, log=out.with_suffix(".log"))

    def difference(self, expected: Results, out: Path) -> str:
        """Say where what it left differs from what the same work left undisturbed; empty if nowhere."""
        held = self.results(out)
        other = [name for name in expected.keys() | held.keys() if expected.get(name) != held.get(name)]
        return f"{len(other)} of {len(expected)} results differ, such as {min(other)}" if other else ""


def prepare(place: Path) -> None:
    """Make what all kinds of work need: a key, videos, and labelled images, veiled."""
    run_command(place, "keygen", "--out", place / "owner.key")
    for index in range(4):
        make_video(place / "videos" / f"{index}.mp4", seconds=15, seed=index, width=320, height=192)


def prepare_images(place: Path) -> None:
    """Make labelled images, veiled, for trainings, and a detector to be judged."""
    make_dataset(place / "images", count=120)
    run_command(place, "veil", place / "images", "--out", place / "veiled", "--key", place / "owner.key", *_SMALL)
    once = ("--epochs", 1, "--on", "local")
    run_command(place, "train", place / "veiled", "--out", place / "judged", *_DETECTOR, *once)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, place / "public.pt")


def run_command(place: Path, *words: object) -> None:
    """Run `raypp` here, in a process of its own."""
    log = place / "commands.log"
    with log.open("ab") as out:
        done = subprocess.run([*_RAYPP, *map(str, words)], env=environment(), stdout=out, stderr=out, check=False)
    assert done.returncode == 0, log.read_text()[-4000:]


class Veil(Work):
    """Veil four videos, of a minute in all, a second to a segment."""

    steps = 60

    def words(self, out: Path) -> list[object]:
        cut = ("--size", 640, "--segment-seconds", 1, "--shard-mb", 0.02)
        return ["veil", self.place / "videos", "--out", out, "--key", self.place / "owner.key", *cut]

    def progress(self, out: Path) -> int:
        return len(list(out.glob("receipts/*.json")))

    def results(self, out: Path) -> Results:
        return archive_bytes(out)


class GrowingVeil(Veil):
    """Veil for longer than nodes take to come, and last of all a segment that is longer than idle nodes stay."""

    on_cluster = ("--workers", 4)

    @classmethod
    def build(cls, place: Path) -> "GrowingVeil":
        """Make its videos beside those of `prepare`."""
        for index in range(4, 14):
            make_video(place / "videos" / f"{index:02}.mp4", seconds=15, seed=index, width=640, height=384)
        make_video(place / "videos" / "z.mp4", seconds=50, width=640, height=384, keyframe_s=50)
        return cls(place)


class Train(Work):
    """Train a detector for six epochs, by two workers together."""

    here, needs_all, actor = False, True, "RayTrainWorker"
    on_cluster = ("--workers", 2)
    steps = 6

    def words(self, out: Path) -> list[object]:
        small = ("--epochs", self.steps, "--json", out.with_suffix(".json"))
        return ["train", self.place / "veiled", "--out", out, *_DETECTOR, *small]

    def progress(self, out: Path) -> int:
        return len(_epochs(out))

    def results(self, out: Path) -> Results:
        summary = json.loads(out.with_suffix(".json").read_text())
        scores = {name: summary[name] for name in ("best_epoch", "map50", "map50_95")}
        return {row["epoch"]: row for row in _epochs(out)} | scores


class Fit(Work):
    """Fit a learned veil for six epochs, by two workers together."""

    here, needs_all, actor = False, True, "RayTrainWorker"
    on_cluster = ("--workers", 2)
    steps = 6

    def words(self, out: Path) -> list[object]:
        start = ("--weights", self.place / "public.pt", "--key", self.place / "owner.key")
        small = ("--size", 64, "--epochs", self.steps, "--warm-up", 1)
        return ["fit", self.place / "images", "--out", out, *start, *_DETECTOR, *small]

    def progress(self, out: Path) -> int:
        return len(_epochs(out))

    def results(self, out: Path) -> Results:
        return {row["epoch"]: row for row in _epochs(out)}


class _Uncounted(Work):
    """Work that says nothing on the disk of how far it is."""

    steps = 0

    def progress(self, out: Path) -> int:
        return int(out.with_suffix(".json").exists())


class Evaluate(_Uncounted):
    """Judge a detector on 80 frames."""

    on_cluster = ("--workers", 2)

    def words(self, out: Path) -> list[object]:
        judged = ("--model", self.place / "judged", "--split", "train", "--report", out)
        return ["evaluate", self.place / "veiled", *judged, "--json", out.with_suffix(".json")]

    def results(self, out: Path) -> Results:
        return {"scores": json.loads(out.with_suffix(".json").read_text())}


class Verify(_Uncounted):
    """Verify the archive of 120 images."""

    def words(self, out: Path) -> list[object]:
        out.mkdir(exist_ok=True)
        return ["verify", self.place / "veiled", "--json", out.with_suffix(".json")]

    def results(self, out: Path) -> Results:
        return {"report": json.loads(out.with_suffix(".json").read_text())}


def _epochs(out: Path) -> list[dict[str, str]]:
    """Rows of a training's results, without the time that an epoch took."""
    results = out / "results.csv"
    if not results.exists():
        return []
    with results.open() as file:
        return [{name: value for name, value in row.items() if name != "time"} for row in csv.DictReader(file)]
