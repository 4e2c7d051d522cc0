"""Nothing plain and nothing secret is left after a submitted job: watermarked frames and keys are searched for."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from raypp.io.ports import free_ports
from raypp.veil.keyfile import load_owner_key
from raypp.veil.spec import PatchSpec
from tests.command import ROOT, environment, succeed
from tests.watermarks import SIZE, files_in, pixels_of, places_with, secrets_of, shared_memory, watermarked_archive

pytestmark = pytest.mark.ray
_RAY = Path(sys.executable).with_name("ray")


class Cluster:
    """A real Ray cluster of one node, with its dashboard, in folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = environment(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        self.env.pop("PYTHONPATH")
        port, dashboard, agent, client = free_ports(4)
        self._address = f"http://127.0.0.1:{dashboard}"
        self._ray(
            "start", "--head", f"--port={port}", f"--dashboard-port={dashboard}", "--num-cpus=2",
            f"--dashboard-agent-listen-port={agent}", f"--ray-client-server-port={client}",
            "--include-dashboard=true", "--object-store-memory=100000000", f"--temp-dir={folder}",
            "--disable-usage-stats",
        )  # fmt: skip

    def submit(self, working_dir: Path, *command: object) -> subprocess.CompletedProcess[str]:
        """Submit a job as soon as one can be: on a busy machine the dashboard is there long before its agent."""
        deadline = time.monotonic() + 300
        while True:
            done = self._ray(
                "job", "submit", f"--address={self._address}", f"--working-dir={working_dir}", "--",
                "python", *map(str, command), check=False,
            )  # fmt: skip
            if "submitted successfully" in done.stdout + done.stderr:
                return done
            assert time.monotonic() < deadline, f"no job can be submitted: {done.stdout + done.stderr}"
            time.sleep(1)

    def stop(self) -> None:
        """Kill this cluster's processes; `ray stop` would stop every Ray of the machine."""
        for process in psutil.process_iter(["cmdline"]):
            if str(self.folder) in " ".join(process.info["cmdline"] or ()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    def _ray(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(_RAY), *command], env=self.env, capture_output=True, text=True, check=check, timeout=240
        )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="raypp-", dir="/tmp"))  # a socket's path must be short
    running = Cluster(folder)
    try:
        yield running
    finally:
        running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def working_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for package in ("raypp", "actors", "jobs", "protos"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_no_watermark_and_no_secret_is_left_by_a_submitted_job(
    cluster: Cluster, working_dir: Path, tmp_path: Path
) -> None:
    frames = watermarked_archive(tmp_path / "in")
    key_path = tmp_path / "keys" / "owner.key"
    succeed("keygen", "--out", key_path)
    out = tmp_path / "out"
    command = ("-m", "jobs.veil_archive", tmp_path / "in", "--out", out, "--key", key_path, "--size", SIZE[0])
    done = cluster.submit(working_dir, *command, "--segment-seconds", 1, "--shard-mb", 0.02, "--site", "plant")
    assert done.returncode == 0, done.stdout + done.stderr
    succeed("verify", out)
    watermarks = pixels_of(frames)
    needles = watermarks | secrets_of(load_owner_key(key_path), PatchSpec(), "plant", ("camera", "in"))
    planted = tmp_path / "planted"
    planted.write_bytes(bytes(100) + next(iter(watermarks.values())) + bytes(100))
    assert places_with([planted], needles), "the search itself must find what is there"
    places = [*files_in(cluster.folder), *files_in(out), *files_in(tmp_path / "out-private"), *shared_memory()]
    assert any("session_" in str(place) for place in places)
    assert any("plasma" in str(p.readlink()) for p in places if p.is_relative_to("/proc")), (
        "the object store is searched"
    )
    assert places_with(places, needles) == []
    assert not [name for name in needles if needles[name] in (done.stdout + done.stderr).encode()]


def test_a_working_dir_that_holds_a_key_is_refused(cluster: Cluster, working_dir: Path, tmp_path: Path) -> None:
    watermarked_archive(tmp_path / "in")
    hidden = tmp_path / "owner.key"
    succeed("keygen", "--out", hidden)
    shutil.copy(hidden, working_dir / "jobs" / "settings.json")
    command = ("-m", "jobs.veil_archive", tmp_path / "in", "--out", tmp_path / "out", "--key", hidden)
    done = cluster.submit(working_dir, *command)
    assert done.returncode != 0
    assert "jobs/settings.json" in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()
