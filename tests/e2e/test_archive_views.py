"""A job on views that is killed, and run again, gives the bytes of an undisturbed run; so does one that adds views."""

import os
import signal
from pathlib import Path

import pytest

from tests.command import ROOT, archive_bytes, environment, raypp, succeed, summary
from tests.videos import make_dataset, make_video

_CRASH = ROOT / "tests" / "e2e" / "crash"
_LEFT = "cameras:\n  hall: {views: {left: [0, 0, 0.6, 1]}}\n"
_MORE = (
    "cameras:\n  hall: {views: {left: [0, 0, 0.6, 1], right: [0.4, 0, 1, 1]}}\n  tools: {views: {all: [0, 0, 1, 1]}}\n"
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources, a key, and views at first and later on."""
    root = tmp_path_factory.mktemp("archive")
    for index in range(2):
        make_video(root / "in" / "hall" / f"{index}.mp4", seconds=4, seed=index)
    make_dataset(root / "in" / "tools")
    succeed("keygen", "--out", root / "owner.key")
    (root / "left.yaml").write_text(_LEFT)
    (root / "more.yaml").write_text(_MORE)
    return root


def _command(archive: Path, out: Path, views: str) -> list[object]:
    cut = ("--segment-seconds", 1, "--shard-mb", 0.02, "--size", 160, "--variants", 1, "--on", "local")
    return ["veil", archive / "in", "--out", out, "--key", archive / "owner.key", *cut, "--views", archive / views]


@pytest.fixture(scope="module")
def undisturbed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The archive of a run on all, and of one that adds a view."""
    out = tmp_path_factory.mktemp("undisturbed") / "veiled"
    for views in ("left.yaml", "more.yaml"):
        succeed(*_command(archive, out, views))
    return archive_bytes(out)


def test_killed_at_the_first_views_and_at_those_that_were_added(
    archive: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out, report = tmp_path / "veiled", tmp_path / "summary.json"
    for views in ("left.yaml", "more.yaml"):
        marks = tmp_path / views.replace(".yaml", "")
        marks.mkdir()
        crashing = environment(
            PYTHONPATH=f"{_CRASH}{os.pathsep}{ROOT}",
            RAYPP_TEST_CRASH_AT="between shard and receipt",
            RAYPP_TEST_CRASH_DIR=str(marks),
            RAYPP_TEST_CRASH_AFTER="3",
        )
        killed = raypp(*_command(archive, out, views), env=crashing)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert len(list(out.glob("receipts/*.json"))) >= 3
        succeed(*_command(archive, out, views), "--json", report)
        assert summary(report)["segments_skipped"] >= 3
    assert archive_bytes(out) == undisturbed
    succeed("verify", out)
    gone = raypp(*_command(archive, out, "left.yaml"))
    assert gone.returncode == 1
    assert "view right of site/hall was planned before, and --views has none of that name" in gone.stderr
