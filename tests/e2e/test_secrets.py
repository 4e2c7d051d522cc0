"""Nothing plain and nothing secret is left after a submitted job: watermarked frames and keys are searched for."""

import base64
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from raypp.veil.key import HASH_USES, VeilKey
from raypp.veil.keyfile import load_owner_key
from raypp.veil.spec import VeilSpec
from raypp.veil.tables import dither_tile, patch_tables
from tests.command import ROOT, environment, succeed

pytestmark = pytest.mark.ray
_RAY = Path(sys.executable).with_name("ray")
_SIZE = (160, 96)
_SNIPPET = 48


class Cluster:
    """A real Ray cluster of one node, with its dashboard, in folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = environment(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        self.env.pop("PYTHONPATH")
        self.dashboard = _free_port()
        self._ray(
            "start", "--head", f"--port={_free_port()}", f"--dashboard-port={self.dashboard}", "--num-cpus=2",
            "--include-dashboard=true", "--object-store-memory=100000000", f"--temp-dir={folder}",
            "--disable-usage-stats",
        )  # fmt: skip

    def submit(self, working_dir: Path, *command: object) -> subprocess.CompletedProcess[str]:
        return self._ray(
            "job", "submit", f"--address=http://127.0.0.1:{self.dashboard}", f"--working-dir={working_dir}", "--",
            "python", *map(str, command), check=False,
        )  # fmt: skip

    def stop(self) -> None:
        self._ray("stop", "--force", check=False)

    def _ray(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(_RAY), *command], env=self.env, capture_output=True, text=True, check=check, timeout=240
        )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(f"/tmp/raypp-test-{os.getpid()}")  # a socket's path must be short
    running = Cluster(folder)
    yield running
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
    frames = _watermarked(tmp_path / "in")
    key_path = tmp_path / "keys" / "owner.key"
    succeed("keygen", "--out", key_path)
    out = tmp_path / "out"
    command = ("-m", "jobs.veil_archive", tmp_path / "in", "--out", out, "--key", key_path, "--size", _SIZE[0])
    done = cluster.submit(working_dir, *command, "--segment-seconds", 1, "--shard-mb", 0.02, "--site", "plant")
    assert done.returncode == 0, done.stdout + done.stderr
    succeed("verify", out)
    watermarks = {f"pixels of frame {n}": s for n, frame in enumerate(frames) for s in _snippets(frame)}
    needles = watermarks | _secrets(load_owner_key(key_path))
    planted = tmp_path / "planted"
    planted.write_bytes(bytes(100) + next(iter(watermarks.values())) + bytes(100))
    assert _found([planted], needles), "the search itself must find what is there"
    places = [*_files(cluster.folder), *_files(out), *_files(tmp_path / "out-private"), *_shared_memory()]
    assert any("session_" in str(place) for place in places)
    assert any("plasma" in str(p.readlink()) for p in places if p.is_relative_to("/proc")), (
        "the object store is searched"
    )
    assert _found(places, needles) == []
    assert not [name for name in needles if needles[name] in (done.stdout + done.stderr).encode()]


def test_a_working_dir_that_holds_a_key_is_refused(cluster: Cluster, working_dir: Path, tmp_path: Path) -> None:
    _watermarked(tmp_path / "in")
    hidden = tmp_path / "owner.key"
    succeed("keygen", "--out", hidden)
    shutil.copy(hidden, working_dir / "jobs" / "settings.json")
    command = ("-m", "jobs.veil_archive", tmp_path / "in", "--out", tmp_path / "out", "--key", hidden)
    done = cluster.submit(working_dir, *command)
    assert done.returncode != 0
    assert "jobs/settings.json" in done.stdout + done.stderr
    assert not (tmp_path / "out").exists()


def _watermarked(root: Path) -> list[np.ndarray]:
    """Random pixels in lossless files of exactly the window's size, so that they are in memory as they are here."""
    root.mkdir(parents=True)
    frames = [np.random.default_rng(n).integers(0, 256, (_SIZE[1], _SIZE[0], 3), dtype=np.uint8) for n in range(12)]
    for n in range(4):
        Image.fromarray(frames[n]).save(root / f"{n}.png")
    with av.open(str(root / "film.mp4"), "w") as container:
        stream = container.add_stream("libx264rgb", rate=4)
        stream.width, stream.height = _SIZE
        stream.pix_fmt = "rgb24"
        stream.options = {"qp": "0", "preset": "ultrafast"}
        for n, picture in enumerate(frames[4:]):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = n, Fraction(1, 4)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with av.open(str(root / "film.mp4")) as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert all((a == b).all() for a, b in zip(decoded, frames[4:], strict=True))
    return frames


def _snippets(frame: np.ndarray) -> Iterator[bytes]:
    yield frame[len(frame) // 2].tobytes()[:_SNIPPET]


def _secrets(key: VeilKey) -> dict[str, bytes]:
    """The key, everything derived from it, and the first 64 bytes of every table: raw, hex and base64."""
    spec = VeilSpec()
    raw = {"key": key.export_secret(), "root": key._root}
    raw |= {f"hash secret {use}": key.hash_secret("plant", use) for use in HASH_USES}
    for camera in ("camera", "in"):
        for picture in (None, *(bytes([n]) * 32 for n in range(8))):
            stream = key.stream(spec, "plant", camera, picture)
            tables = patch_tables(spec, stream)
            name = f"sub-key {stream.sub_key}"
            raw |= {f"{name} weights seed": stream.weights_seed, f"{name} dither seed": stream.dither_seed}
            for table in ("first", "offset", "second"):
                for kind in ("<i4", "<f4"):
                    raw[f"{name} {table} as {kind}"] = getattr(tables, table).astype(kind).tobytes()[:64]
            raw[f"{name} dither"] = dither_tile(spec, stream).tobytes()[:64]
    needles = {}
    for name, secret in raw.items():
        if len(set(secret)) > 6:  # a stretch of a sparse table is no secret and found in any file of zeros
            needles |= {name: secret, f"{name} in hex": secret.hex().encode(), f"{name} in base64": _base64(secret)}
    assert {"key", "root"} <= needles.keys()
    return needles


def _base64(secret: bytes) -> bytes:
    return base64.b64encode(secret).rstrip(b"=")[:-1]


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]


def _shared_memory() -> list[Path]:
    """Files in shared memory, and those already unlinked that a process still holds, as Ray's object store does."""
    held = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()).startswith("/dev/shm/"):
                held.append(link)
        except OSError:
            continue
    return _files(Path("/dev/shm")) + held


def _found(places: list[Path], needles: dict[str, bytes]) -> list[str]:
    hits = []
    for place in places:
        try:
            content = place.read_bytes()
        except OSError:
            continue
        hits += [f"{name} in {place}" for name, needle in needles.items() if needle in content]
    return hits


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
