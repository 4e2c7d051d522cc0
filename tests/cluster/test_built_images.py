"""An image is built from its recipe, and runs as the docs say: as a user without rights, and read-only."""

import json
import os
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from raypp import __version__
from raypp.ledger.check.ledger import check_ledger
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import find_key_files, load_owner_key, save_site_key
from tests.cluster.images import Images, image_storage
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.serving.running import running_service
from tests.videos import make_dataset, make_video

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

_USER = 10001
_EDGE = "localhost/raypp-edge"
_ML, _OWNER = "localhost/raypp-ml", "localhost/raypp-owner"
_PROBE = "id -u; touch /x /var/tmp/x || echo read-only; touch /tmp/x && echo writable; ls /opt/raypp/bin | grep -cx pip"
_SECRETS = {".key", ".data-key", ".token", ".secret"}
_OF_RAY = ("--network", "none", "--shm-size", "1g")
_HEAD = "ray start --head --num-cpus 2 --object-store-memory 200000000 --include-dashboard false --block"
_ADDRESS = ("--address", "127.0.0.1:6379")


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    with image_storage() as storage:
        yield storage


@pytest.fixture(scope="module")
def base(images: Images) -> str:
    return images.base()


@pytest.mark.ray
def test_the_edge_image_streams_to_a_service(images: Images, base: str, tmp_path: Path) -> None:
    _build(images, "Containerfile.edge", base, _EDGE)
    _is_closed(images, _EDGE)
    key = SiteKey.derive_from(VeilKey(bytes(range(32))), SPEC, "plant-1", ["gate"])
    (site := tmp_path / "site").mkdir()
    save_site_key(key, site / "site.key")
    make_video(site / "video.mp4", seconds=2)
    write_eager_bundle(tmp_path / "tools.model", veil_id=key.veil_id(SPEC))
    with running_service(tmp_path, {}) as service:
        (site / "token").write_text(service.site("plant-1"))
        for path in (site / "site.key", site / "token"):
            path.chmod(0o600)
            os.chown(path, _USER, _USER)
        done = images.run(
            _EDGE, ["--network", "host", "--volume", f"{site}:/etc/raypp:ro", "--volume", "raypp-spool:/spool"],
            "/etc/raypp/video.mp4", "--site", "plant-1", "--camera", "gate", "--server", f"127.0.0.1:{service.port}",
            "--key", "/etc/raypp/site.key", "--token-file", "/etc/raypp/token", "--spool", "/spool",
            "--size", SIZE, "--fps", "every", "--time-from", "2026-03-02T06:00",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        with service.ledger() as ledger:
            (stream,) = ledger.streams("plant-1")
            assert [frame.frame_index for frame in ledger.frames(stream.stream)] == list(range(20))
            assert check_ledger(ledger).problems == ()


@pytest.mark.ray
def test_the_owners_image_veils_under_a_mounted_key_and_the_ml_teams_trains_without_it(
    images: Images, base: str, tmp_path: Path
) -> None:
    _build(images, "Containerfile.cluster", base, _ML, LOCK="requirements-ml.txt")
    _build(images, "Containerfile.cluster", base, _OWNER, LOCK="requirements-ml.txt", MORE="requirements-owner.txt")
    for tag in (_ML, _OWNER):
        _is_closed(images, tag)
        assert _done(images.run(tag, ["--network", "none"], "raypp", "--version")) == f"{__version__}\n"
        with images.mounted(tag) as files:
            assert find_key_files(files) == []
            assert [path for path in files.rglob("*") if path.suffix in _SECRETS] == []
    _done(images.run(_OWNER, ["--network", "none"], "python", "-c", "import dlib, onnxruntime, rapidocr"))
    _done(images.run(_OWNER, ["--network", "none"], "bwrap", "--version"))
    _done(images.run(_OWNER, ["--network", "none"], "python", "-c", "import pyseccomp"))
    make_dataset(tmp_path / "tools", count=18)
    for folder in ("owner", "veiled", "ml"):
        (tmp_path / folder).mkdir()
        os.chown(tmp_path / folder, _USER, _USER)
    _veil(images, tmp_path)
    assert {path.name for path in (tmp_path / "veiled").iterdir()} == {"tools", "tools-private"}
    _train(images, tmp_path)
    assert {path.name for path in (tmp_path / "ml").iterdir()} == {"run", "summary.json"}
    secret = load_owner_key(tmp_path / "owner" / "owner.key").export_secret()
    left = [path for folder in ("veiled/tools", "ml") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert left
    assert not [path for path in left if _holds(path, secret)]


def _veil(images: Images, place: Path) -> None:
    """Make a key, keep it as a secret, and veil under it on a Ray of the container's own."""
    _done(images.run(_OWNER, ["--volume", f"{place}/owner:/owner"], "raypp", "keygen", "--out", "/owner/owner.key"))
    owner = [
        *_OF_RAY, "--secret", f"owner.key,type=mount,target=/secrets/owner.key,uid={_USER},gid={_USER},mode=0400",
        "--env", "RAYPP_KEY_FILE=/secrets/owner.key",
        "--volume", f"{place}/tools:/data/tools:ro", "--volume", f"{place}/veiled:/data/veiled",
    ]  # fmt: skip
    with images.secret("owner.key", place / "owner" / "owner.key"):
        small = ("--size", 96, "--shard-mb", 0.002, "--on", "ray")
        _done(images.run(_OWNER, owner, "raypp", "veil", "/data/tools", "--out", "/data/veiled/tools", *small))
        _done(images.run(_OWNER, owner, "raypp", "verify", "/data/veiled/tools"))


def _train(images: Images, place: Path) -> None:
    """Start a head without a network, a key or a private file, examine it, and train and evaluate on it."""
    veiled = "/data/veiled/tools"
    ml = [
        *_OF_RAY,
        "--volume",
        f"{place}{veiled.removeprefix('/data')}:{veiled}:ro",
        "--volume",
        f"{place}/ml:/data/ml",
    ]
    with images.running("head", _ML, ml, *_HEAD.split()):
        deadline = time.monotonic() + 300
        while images.execute("head", "ray", "health-check", *_ADDRESS).returncode:
            assert time.monotonic() < deadline, "no head within five minutes"
            time.sleep(2)
        _done(images.execute("head", "raypp", "cluster", "doctor", *_ADDRESS, "--place", "/data/ml"))
        trained = ("--model", "yolov8p", "--epochs", 1, "--batch", 4, "--json", "/data/ml/summary.json")
        _done(images.execute("head", "raypp", "train", veiled, "--out", "/data/ml/run", *trained, *_ADDRESS))
        assert json.loads((place / "ml" / "summary.json").read_text())["epochs"] == 1
        _done(images.execute("head", "raypp", "evaluate", veiled, "--model", "/data/ml/run", "--on", "local"))


def _build(images: Images, recipe: str, base: str, tag: str, **arguments: str) -> None:
    begun = time.monotonic()
    images.build(recipe, base, tag, **arguments)
    print(f"\n{tag}: {images.size(tag)}, built in {time.monotonic() - begun:.0f} s")


def _is_closed(images: Images, tag: str) -> None:
    """Check that nothing but /tmp can be written to, that nobody is root, and that nothing can be installed."""
    probe = images.run(tag, ["--network", "none", "--entrypoint", "/bin/sh"], "-c", _PROBE)
    assert probe.stdout.split() == [str(_USER), "read-only", "writable", "0"], probe.stderr


def _done(process: "subprocess.CompletedProcess[str]") -> str:
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


def _holds(path: Path, secret: bytes) -> bool:
    data = path.read_bytes()
    return any(form in data for form in (secret, b64encode(secret), secret.hex().encode()))
