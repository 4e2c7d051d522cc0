"""Threads of torch sleep while they wait, in every process of raypp; and no library says how many there are."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.command import environment, succeed
from tests.ray_cluster import running_cluster
from tests.videos import make_dataset

_SPINS = re.compile(r"GOMP_SPINCOUNT = '(\d+)'")
_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")


def _spins(module: str, **own: str) -> str:
    """How often a thread looks before it sleeps in a process that imports a module: torch's OpenMP itself says it."""
    env = {name: value for name, value in environment().items() if name not in _VARIABLES} | own
    env["OMP_DISPLAY_ENV"] = "VERBOSE"
    (openmp,) = Path(find_spec("torch").origin).parent.glob("lib/libgomp*")
    command = [sys.executable, "-P", "-c", f"import ctypes, {module}; ctypes.CDLL({str(openmp)!r})"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    (spins,) = set(_SPINS.findall(done.stderr))
    return spins


@pytest.mark.parametrize(
    "module",
    [
        "raypp",
        pytest.param("raypp.train.trainer", marks=pytest.mark.slow),  # Python imports `raypp` before it
        "actors.predict_actor",
        pytest.param("jobs.train_detector", marks=pytest.mark.slow),
    ],
)
def test_threads_that_wait_sleep_whichever_module_is_imported_first(module: str) -> None:
    assert _spins(module) == "0"


def test_a_users_own_setting_wins() -> None:
    assert _spins("raypp", OMP_WAIT_POLICY="ACTIVE") != "0"
    assert _spins("raypp", GOMP_SPINCOUNT="7000") == "7000"


@pytest.mark.parametrize("own", ["", pytest.param("3", marks=pytest.mark.slow)])
def test_ultralytics_does_not_say_how_many_threads_there_are(own: str) -> None:
    code = "import os, raypp.detect.ultralytics; print(os.environ.get('OMP_NUM_THREADS'))"
    env = {name: value for name, value in environment().items() if name not in _VARIABLES}
    env |= {"OMP_NUM_THREADS": own} if own else {}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (own or "None")


@pytest.mark.ray
@pytest.mark.slow
def test_threads_of_rays_workers_sleep_on_a_cluster_that_knows_nothing_of_raypp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    succeed("keygen", "--out", tmp_path / "owner.key")
    make_dataset(tmp_path / "tools", count=18)
    options = ("--size", 96, "--on", "local", "--key", tmp_path / "owner.key")
    succeed("veil", tmp_path / "tools", "--out", tmp_path / "veiled", *options)
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_DISPLAY_ENV", "VERBOSE")
    with running_cluster({"num_cpus": 2, "object_store_memory": 200_000_000}) as cluster:
        trained = ("--model", "yolov8p", "--epochs", 1, "--batch", 4, "--address", cluster.address)
        succeed("train", tmp_path / "veiled", "--out", tmp_path / "run", *trained)
        logs = Path(cluster.head_node.get_session_dir_path(), "logs").glob("worker-*.err")
        texts = [text for text in (path.read_text() for path in logs) if ":actor_name:RayTrainWorker" in text]
    assert [set(_SPINS.findall(text)) for text in texts] == [{"0"}]
