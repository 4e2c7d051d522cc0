"""Running jobs export what their dashboards ask for, in few series, on a real cluster, to a real Prometheus."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from raypp.io.ports import free_ports
from tests.command import environment, succeed
from tests.ray_cluster import running_cluster
from tests.videos import make_dataset, make_video
from tests.watching.expressions import expressions, is_of_jobs
from tests.watching.prometheus import Prometheus, running_prometheus

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ray,
    pytest.mark.timeout(2000),
    # of Ray's own, where another Ray has its usual port, or where a start fails
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

_EPOCHS, _BATCH = 8, 4
_IMAGES = 18
_MOST_SERIES = 300
_OURS = '{__name__=~"ray_raypp_.*"}'
_LABELS = {"__name__", "instance", "job", "ray_job", "outcome", "step", "rank", "loss", "iou", "NodeAddress", "JobId"}
_WITHIN_S, _GONE_WITHIN_S = 120, 120


def test_jobs_export_what_their_dashboards_ask_for_in_few_series(tmp_path: Path) -> None:
    make_dataset(tmp_path / "sources" / "tools", count=_IMAGES)
    make_video(tmp_path / "sources" / "gate" / "video.mp4", seconds=8)
    (tmp_path / "sources" / "gate" / "broken.mp4").write_bytes(b"no video")
    succeed("keygen", "--out", tmp_path / "owner.key")
    veiled, key = tmp_path / "veiled", tmp_path / "owner.key"
    options = ("--size", 96, "--shard-mb", 0.002, "--json", tmp_path / "veiled.json")
    panels = {name: each for name, each in expressions().items() if is_of_jobs(name)}
    assert len(panels) == 20
    with _cluster() as (address, port), running_prometheus(port, tmp_path) as prometheus:
        _wait(lambda: bool(prometheus.now("up == 1")), _WITHIN_S)  # what starts before goes without, for good
        _job("veil", tmp_path / "sources", "--out", veiled, "--key", key, *options, "--address", address)
        small = ("--model", "yolov8p", "--batch", _BATCH, "--epochs", _EPOCHS)
        _job("train", veiled, "--out", tmp_path / "run", *small, "--address", address)
        _wait(lambda: not _without_series(panels, prometheus), _WITHIN_S)
        assert _without_series(panels, prometheus) == []
        _wait(lambda: not prometheus.now(_OURS), _GONE_WITHIN_S)
        assert prometheus.now(_OURS) == [], "of jobs that ended"
        series = prometheus.values(_OURS)
        assert {label for labels, _ in series for label in labels} <= _LABELS
        assert 0 < len(series) <= _MOST_SERIES
        assert len({labels["ray_job"] for labels, _ in series}) == 2
        assert _last(prometheus, "ray_raypp_training_epochs") == _EPOCHS
        assert 0 < _last(prometheus, "ray_raypp_training_done") <= 1
        assert _last(prometheus, "ray_raypp_archive_quarantined") <= 1


def _without_series(panels: dict[str, str], prometheus: Prometheus) -> list[str]:
    """Panels that have shown nothing so far, or nothing that names its job."""
    shown = {
        name: [labels for labels, _ in prometheus.values(each) if {"ray_job", "ray_train_run_name"} & labels.keys()]
        for name, each in panels.items()
    }
    return [name for name, each in shown.items() if not each]


def _last(prometheus: Prometheus, name: str) -> float:
    """The last value of a metric that has one series."""
    ((_, values),) = prometheus.values(name)
    return values[-1]


@contextmanager
def _cluster() -> Iterator[tuple[str, int]]:
    """Start a cluster of one node; gives its address and the port of its metrics."""
    (port,) = free_ports(1)
    node = {"num_cpus": 2, "object_store_memory": 300_000_000, "metrics_export_port": port}
    with running_cluster(node) as cluster:
        yield cluster.address, port


def _job(*words: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "raypp", *map(str, words)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode in {0, 3}, done.stdout + done.stderr


def _wait(condition: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(1)
