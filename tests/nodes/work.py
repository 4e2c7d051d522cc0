"""Work that nodes are lost under, such as an archive to veil; and whether what it left is the same."""

import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from tests.command import archive_bytes, environment
from tests.nodes.machine import Machine
from tests.videos import make_video

_RAYPP = (sys.executable, "-m", "raypp")


@dataclass
class Work(ABC):
    """Work that runs on a cluster's head and goes to its nodes.

    Attributes:
        place: folder of what it needs and leaves.
        steps: how often `progress` counts until it is done.
    """

    place: Path
    steps: int

    @abstractmethod
    def words(self, out: Path) -> list[object]:
        """Say which command does it."""

    @abstractmethod
    def progress(self, out: Path) -> int:
        """Count what is done while it runs; at its end a veil gathers its receipts."""

    @abstractmethod
    def difference(self, out: Path) -> str:
        """Say where what it left differs from what the same work left undisturbed; empty if nowhere."""

    @property
    def name(self) -> str:
        return type(self).__name__.lower()

    @property
    def undisturbed(self) -> Path:
        return self.place / f"{self.name}-undisturbed"

    def begin(self, machine: Machine, address: str, out: Path) -> "Popen[bytes]":
        """Begin it on a cluster."""
        return machine.begin(*_RAYPP, *self.words(out), "--address", address, log=out.with_suffix(".log"))


def prepare(place: Path) -> None:
    """Make what all kinds of work need: a key."""
    run_command(place, "keygen", "--out", place / "owner.key")


def run_command(place: Path, *words: object) -> None:
    """Run `raypp` here, in a process of its own."""
    with (place / "commands.log").open("ab") as log:
        subprocess.run([*_RAYPP, *map(str, words)], env=environment(), stdout=log, stderr=log, check=True)


class Veil(Work):
    """Veil four videos, of a minute in all, a second to a segment."""

    @classmethod
    def build(cls, place: Path) -> "Veil":
        for index in range(4):
            make_video(place / "videos" / f"{index}.mp4", seconds=15, seed=index, width=320, height=192)
        return cls(place, 60)

    def words(self, out: Path) -> list[object]:
        cut = ("--size", 640, "--segment-seconds", 1, "--shard-mb", 0.02)
        return ["veil", self.place / "videos", "--out", out, "--key", self.place / "owner.key", *cut]

    def progress(self, out: Path) -> int:
        return len(list(out.glob("receipts/*.json")))

    def difference(self, out: Path) -> str:
        expected, held = archive_bytes(self.undisturbed), archive_bytes(out)
        other = [name for name in expected.keys() | held.keys() if expected.get(name) != held.get(name)]
        return f"{len(other)} files differ, such as {min(other)}" if other else ""
