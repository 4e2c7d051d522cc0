"""Training on a cluster that shrinks while it trains: it goes on with the workers that are left."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import environment, succeed
from tests.ray_cluster import add_node, running_cluster
from tests.videos import make_dataset

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]
_EPOCHS = 6


def _epochs(run: Path) -> list[int]:
    results = run / "results.csv"
    return [int(row.split(",")[0]) for row in results.read_text().splitlines()[1:]] if results.exists() else []


def test_a_cluster_that_loses_a_node_costs_no_epoch(tmp_path: Path) -> None:
    succeed("keygen", "--out", tmp_path / "owner.key")
    make_dataset(tmp_path / "tools", count=18)
    options = ("--size", 96, "--on", "local", "--shard-mb", 0.002)
    succeed("veil", tmp_path / "tools", "--out", tmp_path / "veiled", "--key", tmp_path / "owner.key", *options)
    run, room = tmp_path / "run", {"num_cpus": 2, "object_store_memory": 300_000_000}
    with running_cluster(room) as cluster:
        node = add_node(cluster, **room)
        command = [sys.executable, "-m", "raypp", "train", str(tmp_path / "veiled"), "--out", str(run), "--batch", "4"]
        command += ["--epochs", str(_EPOCHS), "--model", "yolov8p", "--workers", "1-2", "--address", cluster.address]
        command += ["--json", str(tmp_path / "summary.json")]
        with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as job:
            deadline = time.monotonic() + 300
            while len(_epochs(run)) < 2:
                assert job.poll() is None, job.stderr.read() if job.stderr else ""
                assert time.monotonic() < deadline
                time.sleep(0.1)
            cluster.remove_node(node, allow_graceful=False)
            _, errors = job.communicate()
        assert job.returncode == 0, errors
    assert _epochs(run) == list(range(1, _EPOCHS + 1))
    assert json.loads((tmp_path / "summary.json").read_text())["epochs"] == _EPOCHS
