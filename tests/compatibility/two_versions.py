"""A site and services of this version and the one before, in one folder, with one ledger."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from raypp.io.ports import free_ports
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.command import ROOT, environment
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.videos import make_video

SITE = "plant-1"
FPS = 10
WITHIN_S = 400
_STARTS = 3
"""Ray has a fixed time to start, which is short on a machine that is busy."""


@dataclass(frozen=True)
class ServicePlace:
    """Where a service listens, and what it serves.

    Attributes:
        name: of its log.
        model: its bundle.
        ports: of gRPC and HTTP.
        options: further ones of `raypp serve`.
    """

    name: str
    model: Path
    ports: tuple[int, int]
    options: tuple[object, ...] = ()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"


class TwoVersions:
    """A site, and services of two versions.

    Args:
        folder: of all that they leave.
        before: tree of the version before.
        cameras: of the site; each sends the same video.
        seconds: how long the video is, which agents read at its own pace.
    """

    def __init__(self, folder: Path, before: Path, cameras: list[str], seconds: int) -> None:
        self.folder = folder
        self.trees = {"before": before, "now": ROOT}
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.key = SiteKey.derive_from(VeilKey(bytes(range(32))), SPEC, SITE, cameras)
        save_site_key(self.key, folder / "site.key")
        self.video = make_video(folder / "video.mp4", seconds=seconds, fps=FPS)
        self.token = folder / "token"
        self.running: list[subprocess.Popen[bytes]] = []

    def bundle(self, name: str, seed: int = 0) -> Path:
        """Write a detector of the site's veil."""
        return write_eager_bundle(self.folder / name, seed, veil_id=self.key.veil_id(SPEC))

    def place(self, name: str, model: Path, *options: object) -> ServicePlace:
        """Choose where a service is to listen."""
        port, http_port = free_ports(2)
        return ServicePlace(name, model, (port, http_port), options)

    def prepare_ledger(self) -> None:
        """Let the version before make the ledger, and give the site its token."""
        call = ("-m", "raypp", "site", "add", SITE, "--ledger", self.url, "--out", self.token)
        process = self._start("before", "setup", *call)
        assert process.wait(WITHIN_S) == 0, self.log("setup")

    @contextmanager
    def service(self, version: str, place: ServicePlace) -> Iterator[subprocess.Popen[bytes]]:
        """Serve by a version; at the end it is stopped as a deployment stops it, with streams open."""
        (port, http_port), log = place.ports, self.folder / f"{place.name}.log"
        for _ in range(_STARTS):
            process = self._start(
                version, place.name, "-m", "jobs.serve_models", "--model", place.model, "--ledger", self.url,
                "--port", port, "--http-port", http_port, "--threads", 1, *place.options,
            )  # fmt: skip
            times = log.read_text().count("serving  ")
            wait_until(lambda p=process, t=times: p.poll() is not None or log.read_text().count("serving  ") > t)
            if process.poll() is None or "too busy, try again" not in log.read_text():
                break
        try:
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.send_signal(signal.SIGTERM)
            process.wait(120)
            for child in psutil.wait_procs(children, 30)[1]:
                child.kill()

    def agent(self, version: str, camera: str, server: str, *options: object) -> subprocess.Popen[bytes]:
        """Stream the video at its own pace by an agent of a version."""
        return self._start(
            version, camera, "-m", "raypp", "stream", self.video, "--site", SITE, "--camera", camera,
            "--server", server, "--token-file", self.token, "--spool", self.folder / f"spool-{camera}",
            "--key", self.folder / "site.key", "--size", SIZE, "--fps", "every", "--realtime", "--chunk-frames", 4,
            "--time-from", "2026-03-02T06:00", *options,
        )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def committed(self, camera: str) -> int:
        """Frames of a camera that the ledger has, whatever its schema: all of a video's are numbered from 0."""
        with closing(sqlite3.connect(f"file:{self.folder / 'ledger.db'}?mode=ro", uri=True, timeout=30)) as ledger:
            rows = ledger.execute("SELECT last_frame FROM streams WHERE camera = ?", (camera,)).fetchall()
        return sum(last + 1 for (last,) in rows)

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.kill()
            process.wait()

    def _start(self, version: str, name: str, *words: object) -> subprocess.Popen[bytes]:
        tree = self.trees[version]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *map(str, words)],
                cwd=tree,
                env=environment(PYTHONPATH=str(tree), COLUMNS="300"),
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process


def wait_until(condition: Callable[[], bool], what: str = "") -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"{what or 'it'} took longer than {WITHIN_S} s"
        time.sleep(0.5)
