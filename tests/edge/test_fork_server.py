"""The process that starts captures: it holds a site's key and plain frames."""

from pathlib import Path

import pytest

from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.capture.fork_server import ForkServer
from raypp.edge.capture.job import CaptureJob
from raypp.edge.capture.position import Position
from raypp.veil.spec import PatchSpec
from tests.command import lay_trap


def test_nothing_of_the_folder_one_works_in_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trap = lay_trap(tmp_path / "recordings", "raypp", "numpy", "av")
    monkeypatch.chdir(tmp_path / "recordings")
    job = CaptureJob(
        site="plant", camera="gate", sources=("no.mp4",), live=False, rate=None, realtime=False, time_from=None,
        timezone="UTC", masks_path=None, key_path=tmp_path / "no.key", spec=PatchSpec(), encoder_path=None, size=64,
        watch=CameraHealthSettings(), chunk_frames=7, chunk_s=60, position=Position(),
    )  # fmt: skip
    fork_server = ForkServer()
    try:
        child = fork_server.start(job)
        assert child.pid > 0
        child.end()
    finally:
        fork_server.close()
    assert not trap.exists(), trap.read_text()
