"""A site streams watermarked frames: no plain pixel and no byte of the key is found anywhere but at the camera."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from raypp.io.private import write_private
from raypp.usage.observation import Observation
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from tests.chaos.pipe import Pipe
from tests.command import environment
from tests.serving.bundles import SIZE, SPEC, write_eager_bundle
from tests.serving.running import running_service
from tests.watermarks import files_in, pixels_of, places_with, secrets_of, shared_memory, watermarked_archive

pytestmark = pytest.mark.ray


def test_no_plain_pixel_and_no_secret_leaves_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = Path(tempfile.mkdtemp(prefix="raypp-", dir="/tmp"))  # a socket's path must be short
    monkeypatch.setenv("RAY_TMPDIR", str(ray))
    key, place, spool, secret = VeilKey.generate(), tmp_path / "service", tmp_path / "spool", tmp_path / "secret"
    frames = watermarked_archive(tmp_path / "in")[4:]
    place.mkdir()
    secret.mkdir()
    write_eager_bundle(place / "tools.model", veil_id=key.veil_id(SPEC))
    save_site_key(SiteKey.derive_from(key, SPEC, "plant", ["gate"]), secret / "plant.key")
    needles = pixels_of(frames) | secrets_of(key, SPEC, "plant", ["gate"])
    try:
        with running_service(place, {}) as service, Pipe(service.port, listen=True) as wire:
            token = service.site("plant")
            write_private(secret / "token", token.encode())
            wire.stall()
            command = [
                sys.executable, "-m", "raypp", "stream", tmp_path / "in" / "video.mp4", "--site", "plant",
                "--camera", "gate", "--key", secret / "plant.key", "--size", SIZE, "--fps", "every", "--no-watch",
                "--spool", spool, "--server", f"localhost:{wire.port}", "--token-file", secret / "token",
            ]  # fmt: skip
            with (
                (place / "agent.log").open("wb") as log,
                subprocess.Popen([str(part) for part in command], env=environment(), stdout=log, stderr=log) as agent,
            ):
                _wait_until_spooled(spool, len(frames))
                assert places_with(files_in(spool), needles | {"token": token.encode()}) == []
                wire.restore()
                assert agent.wait(60) == 0, (place / "agent.log").read_text()
            with service.ledger() as ledger:
                (stream,) = ledger.streams("plant")
                seen = list(ledger.frames(stream.stream))
            assert [frame.observation for frame in seen] == [Observation.OBSERVED] * len(frames)
            heard = tmp_path / "wire"
            heard.write_bytes(wire.heard)
            assert places_with([heard], {"site": b"plant"}), "the wire is listened to"
            assert places_with([heard], needles) == []
            left = [*files_in(place), *files_in(ray), *files_in(spool), *shared_memory()]
            assert any("session_" in str(file) for file in left)
            assert any(file.name == "ledger.db" for file in left)
            assert places_with(left, needles | {"token": token.encode()}) == []
            planted = tmp_path / "planted"
            planted.write_bytes(bytes(100) + needles["pixels of frame 3"] + bytes(100))
            assert len(places_with([planted], needles)) == 1, "the search finds what is there"
    finally:
        shutil.rmtree(ray, ignore_errors=True)


def _wait_until_spooled(spool: Path, frames: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status = spool / "status.json"
        if status.exists() and json.loads(status.read_text())["cameras"]["gate"]["captured"] == frames:
            return
        time.sleep(0.1)
    raise AssertionError("the frames were not spooled in time")
