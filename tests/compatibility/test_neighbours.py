"""Agents and services of this version and the one before, with each other, while the service is exchanged."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.io.ports import free_ports
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.store import Ledger
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.command import ROOT, environment
from tests.compatibility.previous import previous_tree
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.videos import make_video

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

_SITE = "plant-1"
_OLD, _NEW, _TURNS = "bench-1", "bench-2", "bench-3"
"""Cameras: of an agent of the version before, of this one's, and of both in turn."""
_SECONDS, _FRAMES = 40, 400
_WITHIN_S = 400
_STARTS = 3
"""Ray has a fixed time to start, which is short on a machine that is busy."""


class TwoVersions:
    """A site, and a service whose version changes, in one folder."""

    def __init__(self, folder: Path, before: Path) -> None:
        self.folder = folder
        self.trees = {"before": before, "now": ROOT}
        self.ports = free_ports(2)
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        key = SiteKey.derive_from(VeilKey(bytes(range(32))), SPEC, _SITE, [_OLD, _NEW, _TURNS])
        save_site_key(key, folder / "site.key")
        write_eager_bundle(folder / "tools.model", veil_id=key.veil_id(SPEC))
        self.video = make_video(folder / "video.mp4", seconds=_SECONDS)
        self.running: list[subprocess.Popen[bytes]] = []

    def prepare_ledger(self) -> None:
        """Let the version before make the ledger, and give the site its token."""
        self._python("before", "-m", "raypp", "site", "add", _SITE, "--ledger", self.url, "--out", self.token)

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @contextmanager
    def service(self, version: str) -> Iterator[subprocess.Popen[bytes]]:
        """Serve by a version; at the end it is stopped as a deployment stops it, with streams open."""
        port, http_port = self.ports
        log = self.folder / f"service-{version}.log"
        for _ in range(_STARTS):
            process = self._start(
                version, f"service-{version}", "-m", "jobs.serve_models", "--model", self.folder / "tools.model",
                "--ledger", self.url, "--port", port, "--http-port", http_port, "--threads", 1,
            )  # fmt: skip
            times = log.read_text().count("serving  ")
            _wait(lambda p=process, t=times: p.poll() is not None or log.read_text().count("serving  ") > t)
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

    def agent(self, version: str, camera: str) -> subprocess.Popen[bytes]:
        """Stream the video at its own pace by an agent of a version."""
        return self._start(
            version, camera, "-m", "raypp", "stream", self.video, "--site", _SITE, "--camera", camera,
            "--server", f"127.0.0.1:{self.ports[0]}", "--token-file", self.token,
            "--spool", self.folder / f"spool-{camera}", "--key", self.folder / "site.key", "--size", SIZE,
            "--fps", "every", "--realtime", "--chunk-frames", 4, "--time-from", "2026-03-02T06:00",
        )  # fmt: skip

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def committed(self, camera: str) -> int:
        """Frames of a camera that the ledger has."""
        with Ledger.open(self.url, create=False) as ledger:
            return sum(stream.frames for stream in ledger.streams(_SITE) if stream.stream.camera == camera)

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

    def _python(self, version: str, *words: object) -> None:
        process = self._start(version, "setup", *words)
        assert process.wait(_WITHIN_S) == 0, self.log("setup")


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[TwoVersions]:
    running = TwoVersions(tmp_path, previous_tree(tmp_path / "before"))
    yield running
    running.close()


def test_versions_that_are_neighbours_work_together_and_lose_nothing(plant: TwoVersions) -> None:
    plant.prepare_ledger()
    with plant.service("before"):
        agents = {camera: plant.agent(version, camera) for camera, version in ((_OLD, "before"), (_NEW, "now"))}
        agents[_TURNS] = plant.agent("before", _TURNS)
        with pytest.raises(grpc.RpcError) as caught:
            SitesStub(grpc.insecure_channel(f"127.0.0.1:{plant.ports[0]}")).CheckCommitted(pb.CheckCommittedRequest())
        known = "rpc CheckCommitted" in (plant.trees["before"] / "protos/raypp.proto").read_text()
        assert (caught.value.code() is not grpc.StatusCode.UNIMPLEMENTED) == known, "another version answers"
        _wait(lambda: all(plant.committed(camera) >= 20 for camera in agents))
    with plant.service("now"):  # with all three streams open in its ledger
        for version in ("now", "before"):
            had = plant.committed(_TURNS)
            _wait(lambda had=had: plant.committed(_TURNS) > had + 8)
            agents[_TURNS].kill()
            agents[_TURNS].wait()
            agents[_TURNS] = plant.agent(version, _TURNS)
        for camera, agent in agents.items():
            assert agent.wait(_WITHIN_S) == 0, plant.log(camera)
    for camera in agents:
        assert "refused: " not in plant.log(camera)
        assert "LOST" not in plant.log(camera)
    with Ledger.open(plant.url, create=False) as ledger:
        streams = ledger.streams(_SITE)
        assert [stream.stream.camera for stream in streams] == [_OLD, _NEW, _TURNS]
        for stream in streams:
            indices = [frame.frame_index for frame in ledger.frames(stream.stream)]
            assert indices == list(range(_FRAMES)), stream
        assert check_ledger(ledger).problems == ()
    # what the agent of the version before left in its spool is read, and all of it is at the service
    again = plant.agent("now", _OLD)
    with plant.service("now"):
        assert again.wait(_WITHIN_S) == 0, plant.log(_OLD)
    assert "all of it was sent before" in plant.log(_OLD)


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)
