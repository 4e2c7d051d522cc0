"""Two sites before the theft: a fitted veil, an archive of one site, a service, and the agents of two sites."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raypp.detect.model import build_detector
from tests.command import environment, succeed
from tests.drill.scenes import CLASSES, write_images, write_video
from tests.serving.running import Service

GOOD, STOLEN = ("north", "gate"), ("south", "dock")
"""Site and camera: one that stays with its owner, and one whose box is stolen."""
SIZE = 96
_IMAGES, _EPOCHS = 200, 8
_RECORDINGS, _FRAMES = 12, 10
_STREAMED_FRAMES, _FPS = 900, 2
_WITHIN_S = 600


@dataclass(frozen=True)
class DrillSites:
    """A folder with all that belongs to the owner, to the sites and to the thief.

    Attributes:
        place: the folder.
    """

    place: Path

    @property
    def service(self) -> Path:
        """Folder of the service, which has `tools.model` and the ledger."""
        return self.place / "service"

    @property
    def ledger(self) -> tuple[str, str]:
        return "--ledger", f"sqlite:///{self.service / 'ledger.db'}"

    def path(self, name: str) -> Path:
        return self.place / name

    def build(self) -> None:
        """Fit a veil, veil an archive, derive keys of both sites and register them."""
        write_images(self.path("images"), _IMAGES)
        torch.manual_seed(0)
        torch.save({"model": build_detector("yolov8p", CLASSES, None)}, self.path("public.pt"))
        succeed("keygen", "--out", self.path("owner.key"))
        schedule = ("--size", SIZE, "--epochs", _EPOCHS, "--batch", 8, "--nominal-batch", 8, "--warm-up", 1)
        veil = ("--model", "yolov8p", "--channels", 6, "--hide", 0, "--adversary", "field", "--on", "local")
        files = ("--weights", self.path("public.pt"), "--key", self.path("owner.key"), "--out", self.path("fitted"))
        succeed("fit", self.path("images"), *files, *schedule, *veil)
        self.service.mkdir()
        (self.service / "tools.model").write_bytes(self.path("fitted/start.model").read_bytes())
        for first_seed, (site, camera) in ((1000, GOOD), (2000, STOLEN)):
            self.derive_key(site, camera, "owner.key", "fitted", f"{site}.key")
            succeed("site", "add", site, "--out", self.path(f"{site}.token"), *self.ledger)
            _record(self.path(site), site, camera, first_seed)
            write_video(self.path(f"{site}.mp4"), first_seed - 1, _STREAMED_FRAMES, _FPS)
        self.veil(GOOD[0], "owner.key", "fitted", "veiled")

    def derive_key(self, site: str, camera: str, owner: str, fitted: str, out: str) -> None:
        """Derive the key of a site from a key of the owner's."""
        veil = ("--key", self.path(owner), "--spec", self.path(fitted) / "encoder.veil")
        succeed("keygen", "--site", site, "--camera", camera, *veil, "--out", self.path(out))

    def veil(self, site: str, key: str, fitted: str, out: str) -> None:
        """Veil the recordings of a site, which have labels."""
        veil = ("--key", self.path(key), "--spec", self.path(fitted) / "encoder.veil", "--size", SIZE)
        succeed("veil", self.path(site) / "inventory.csv", "--out", self.path(out), *veil, "--on", "local")

    def map50(self, archive: str, model: Path) -> float:
        """Measure the mAP50 of a detector on an archive."""
        scores = self.path(f"{archive}-{model.parent.name}-{model.stem}.json")
        options = ("--split", "unsplit", "--json", scores, "--on", "local")
        succeed("evaluate", self.path(archive), "--model", model, *options)
        return float(json.loads(scores.read_text())["map50"])


def _record(root: Path, site: str, camera: str, first_seed: int) -> None:
    root.mkdir()
    (root / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    with (root / "inventory.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("url", "site", "camera"))
        for number in range(_RECORDINGS):
            write_video(root / f"{number:02}.mp4", first_seed + number, _FRAMES)
            rows.writerow((f"{number:02}.mp4", site, camera))


@dataclass(frozen=True)
class Agent:
    """A running `raypp stream`.

    Attributes:
        process: the command.
        log: what it says.
        spool: its spool.
    """

    process: "subprocess.Popen[bytes]"
    log: Path
    spool: Path

    def camera(self) -> dict[str, Any]:
        """How its only camera stands."""
        path = self.spool / "status.json"
        if not path.exists():
            return {}
        (camera,) = json.loads(path.read_text())["cameras"].values()
        return dict(camera)

    def wait_for_commits(self) -> int:
        """Wait until frames of it are committed; returns how many."""
        return int(self._wait(lambda: self.camera().get("committed_frames")))

    def wait_for_refusal(self) -> str:
        """Wait until it says that it was refused; returns the line."""
        return str(self._wait(lambda: next((line for line in self._lines() if "refused" in line), None)))

    def stop(self) -> int:
        """Stop it in order; returns how many frames wait in its spool."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return int(self.camera()["waiting_frames"])

    def _lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def _wait(self, find: Callable[[], Any]) -> Any:
        until = time.monotonic() + _WITHIN_S
        while not (value := find()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.05)
        return value


@contextmanager
def running_agent(
    sites: DrillSites, camera: tuple[str, str], service: Service, fitted: str, key: str
) -> Iterator[Agent]:
    """Run the agent of a site on its recording, at the recording's own pace, from now on."""
    site, name = camera
    log, spool = sites.path(f"{key}.log"), sites.path(f"{key}-spool")
    command = [
        *(sys.executable, "-P", "-m", "raypp", "stream", sites.path(f"{site}.mp4"), "--camera", name, "--site", site),
        *("--key", sites.path(key), "--spec", sites.path(fitted) / "encoder.veil", "--realtime", "--fps", _FPS),
        *("--token-file", sites.path(f"{site}.token"), "--server", f"127.0.0.1:{service.port}", "--spool", spool),
        *("--time-from", time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 3600))),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen([str(part) for part in command], env=environment(), stdout=output, stderr=output)
    try:
        yield Agent(process, log, spool)
    finally:
        process.kill()
        process.wait()
