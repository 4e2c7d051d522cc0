"""A job killed at any moment and run again gives the bytes of an undisturbed run, and does nothing finished twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.command import ROOT, archive_bytes, environment, raypp, succeed, summary
from tests.ray_cluster import running_cluster
from tests.videos import make_dataset, make_video

pytestmark = pytest.mark.ray
_CRASH = ROOT / "tests" / "e2e" / "crash"
_POINTS = ("between shard and receipt", "after receipt", "before manifest", "after manifest")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("archive")
    for index in range(3):
        make_video(root / "hall" / f"{index}.mp4", seconds=8, seed=index)
    make_dataset(root / "tools")
    return root


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "owner.key"
    succeed("keygen", "--out", path)
    return path


def _options(archive: Path, out: Path, key: Path) -> list[object]:
    cut = ("--segment-seconds", 1, "--shard-mb", 0.02)
    return ["veil", archive, "--out", out, "--key", key, "--size", 160, *cut, "--variants", 2]


@pytest.fixture(scope="module")
def undisturbed(archive: Path, key: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The archive as one process without Ray makes it."""
    out = tmp_path_factory.mktemp("undisturbed") / "veiled"
    succeed(*_options(archive, out, key), "--on", "local")
    return archive_bytes(out)


@pytest.mark.parametrize("point", _POINTS)
def test_killed_at_a_named_point_and_run_again(
    point: str, archive: Path, key: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out, marks = tmp_path / "veiled", tmp_path / "marks"
    marks.mkdir()
    crashing = environment(
        PYTHONPATH=f"{_CRASH}{os.pathsep}{ROOT}",
        RAYPP_TEST_CRASH_AT=point,
        RAYPP_TEST_CRASH_DIR=str(marks),
        RAYPP_TEST_CRASH_AFTER="3" if "receipt" in point else "0",
    )
    killed = raypp(*_options(archive, out, key), "--on", "local", env=crashing)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    finished = len(list(out.glob("receipts/*.json")))
    report = tmp_path / "summary.json"
    succeed(*_options(archive, out, key), "--on", "local", "--json", report)
    again = summary(report)
    if "receipt" in point:
        assert finished >= 3
        assert again["segments_skipped"] == finished
    else:
        assert again["segments_veiled"] == 0
    assert archive_bytes(out) == undisturbed


@pytest.mark.slow
def test_one_ray_worker_killed_mid_run_changes_nothing(
    archive: Path, key: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out, marks = tmp_path / "veiled", tmp_path / "marks"
    marks.mkdir()
    crashing = environment(
        PYTHONPATH=f"{_CRASH}{os.pathsep}{ROOT}",
        RAYPP_TEST_CRASH_AT="between shard and receipt",
        RAYPP_TEST_CRASH_DIR=str(marks),
        RAYPP_TEST_CRASH_AFTER="4",
    )
    succeed(*_options(archive, out, key), "--workers", 2, env=crashing)
    assert (marks / "crashed").exists()
    assert archive_bytes(out) == undisturbed
    succeed("verify", out)


@pytest.mark.slow
def test_a_file_that_kills_every_worker_is_given_up_and_the_rest_is_finished(key: Path, tmp_path: Path) -> None:
    for name in ("a.mp4", "poison.mp4", "z.mp4"):
        make_video(tmp_path / "in" / name, seconds=4, seed=ord(name[0]))
    out, report = tmp_path / "out", tmp_path / "summary.json"
    command = _options(tmp_path / "in", out, key)
    deadly = environment(PYTHONPATH=f"{_CRASH}{os.pathsep}{ROOT}", RAYPP_TEST_POISON="poison.mp4")
    done = raypp(*command, "--workers", 2, "--json", report, env=deadly)
    assert done.returncode == 3, done.stderr
    first = summary(report)
    assert first["frames"] == 80
    assert {Path(item["source"]).name for item in first["unfinished"]} == {"poison.mp4"}
    assert "killed its worker 3 times" in first["unfinished"][0]["reason"]
    succeed(*command, "--on", "local", "--json", report)
    assert summary(report)["frames"] == 120, "nothing of the failure is held against the file"
    succeed("verify", out)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_whole_job_killed_at_a_share_of_its_receipts(
    share: float, archive: Path, key: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "veiled"
    total = sum(name.startswith("shards/") for name in undisturbed)
    command = [sys.executable, "-m", "raypp", *map(str, _options(archive, out, key)), "--workers", "2"]
    with subprocess.Popen(command, env=environment(), start_new_session=True, stderr=subprocess.DEVNULL) as job:
        deadline = time.monotonic() + 120
        while len(list(out.glob("receipts/*.json"))) < share * total and time.monotonic() < deadline:
            assert job.poll() is None, "the job ended before it could be killed"
            time.sleep(0.005)
        tree = [*psutil.Process(job.pid).children(recursive=True), psutil.Process(job.pid)]
        for process in tree:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        job.wait()
    psutil.wait_procs(tree, timeout=20)
    finished = {path.stem for path in out.glob("receipts/*.json")}
    assert share * total <= len(finished) < total
    report = tmp_path / "summary.json"
    succeed(*_options(archive, out, key), "--workers", 2, "--json", report)
    assert summary(report)["segments_skipped"] == len(finished)
    assert archive_bytes(out) == undisturbed
    succeed("verify", out)


@pytest.mark.slow
@pytest.mark.parametrize("cpus", [1, 2])
def test_a_cluster_of_one_or_two_cpus_finishes(
    cpus: int, archive: Path, key: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    with running_cluster({"num_cpus": cpus, "object_store_memory": 100 << 20}) as cluster:
        out = tmp_path / "veiled"
        succeed(*_options(archive, out, key), "--address", cluster.address)
        assert archive_bytes(out) == undisturbed
