import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from actors.exporter import HOST_VARIABLE
from jobs.local_ray import keep_local, without_noise
from raypp.errors import RayppError
from raypp.serving.metrics_address import MetricsAddress
from tests.command import ROOT, environment, lay_trap

pytestmark = pytest.mark.ray


@pytest.fixture
def place(tmp_path, monkeypatch):
    from ray._private import ray_constants

    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv(ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR, "1")
    monkeypatch.setattr(ray_constants, "ENABLE_RAY_CLUSTER", True)
    monkeypatch.setattr("ray._private.worker._global_node", None)  # a test's cluster in this process leaves its node
    monkeypatch.setenv("RAY_enable_metrics_collection", "0")
    return tmp_path


def test_a_local_ray_keeps_its_files_where_only_this_account_comes(place):
    folder = Path(keep_local())
    assert folder.parent.parent == place
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    assert Path(keep_local()) == folder  # and it is used again


def test_a_local_ray_has_the_loopback_address_and_asks_nobody_for_it(place, monkeypatch):
    from ray._private import services

    monkeypatch.delenv("RAY_enable_metrics_collection", raising=False)
    monkeypatch.setenv(HOST_VARIABLE, "")
    monkeypatch.setattr(services, "start_ray_process", services.start_ray_process)  # which it wraps
    keep_local(metrics=MetricsAddress(9464))
    assert os.environ[HOST_VARIABLE] == "127.0.0.1"
    assert "RAY_enable_metrics_collection" not in os.environ
    assert services.get_node_ip_address() == "127.0.0.1"


@pytest.mark.parametrize("make", [lambda path: path.mkdir(mode=0o755), lambda path: path.symlink_to("/tmp")])
def test_a_folder_that_others_enter_is_refused(place, make):
    make(place / f"raypp-{os.getuid()}")
    with pytest.raises(RayppError, match=r"raypp-\d+, for Ray's files, is not this account's alone; remove it"):
        keep_local()


def test_what_ray_says_of_itself_is_left_out_and_the_rest_is_shown(capfd):
    with without_noise():
        os.write(2, b"[2026] logging.cc:303: Set ray log level from environment variable to fatal\nsomething else\n")
        os.write(
            1, b"(raylet) Task x failed. There are infinite retries remaining. It was killed by `ray.kill`.\n\nout\n"
        )
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == ("out\n", "something else\n")


def test_what_is_said_before_an_error_is_shown(capfd):
    with pytest.raises(ZeroDivisionError), without_noise():
        os.write(2, b"told\n")
        raise ZeroDivisionError
    assert capfd.readouterr().err == "told\n"


_LOCAL = """
import json, os, psutil, ray
from jobs.cluster import connect
connect(None)
started = [" ".join(process.cmdline()) for process in psutil.Process().children(recursive=True)]
@ray.remote
def paths():
    import pyarrow, pydantic, raypp, sys
    return sys.path
paths = ray.get(paths.remote(), timeout=60)
import jobs.train_detector
from jobs.team import worker_threads
threads = [worker_threads(workers) for workers in (1, 2)]
os.environ["OMP_NUM_THREADS"] = "1"
threads.append(worker_threads(1))
print(json.dumps({"started": started, "paths": paths, "threads": threads}))
"""


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """A local Ray of two CPUs, started where files named as libraries lie: their folder, and what it told."""
    folder = tmp_path_factory.mktemp("local")
    trap = lay_trap(folder / "delivered", "pyarrow", "pydantic", "raypp")
    env = environment(RAY_TMPDIR=os.environ.get("RAY_TMPDIR", "/tmp"), RAY_OVERRIDE_RESOURCES='{"CPU": 2}')
    env.pop("OMP_NUM_THREADS")
    command = [sys.executable, "-P", "-c", _LOCAL]
    done = subprocess.run(
        command, cwd=folder / "delivered", env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert not trap.exists(), trap.read_text()
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_a_worker_runs_nothing_of_the_folder_one_works_in(local):
    folder, answers = local
    assert not [path for path in answers["paths"] if str(folder) in path]
    assert any("raylet" in line for line in answers["started"])
    of_clusters = ("monitor.py", "log_monitor.py", "dashboard.py")
    assert not [line for line in answers["started"] if any(name in line for name in of_clusters)]


def test_the_raylet_waits_for_no_agent_to_name_its_ports(local):
    (raylet,) = (line for line in local[1]["started"] if line.split()[0].endswith("/raylet"))
    names = ("metrics-agent-port", "metrics_export_port", "runtime_env_agent_port", "dashboard_agent_listen_port")
    ports = {name: re.findall(rf" --{name}=(\d+)", raylet) for name in names}
    assert all(numbers and "0" not in numbers for numbers in ports.values()), ports
    assert len({numbers[-1] for numbers in ports.values()}) == len(names)


@pytest.mark.slow
def test_a_local_ray_starts_whose_agent_is_later_than_ray_waits_for_it(tmp_path):
    program = "import sys, time\nif any('dashboard/agent.py' in word for word in sys.orig_argv): time.sleep(20)\n"
    (tmp_path / "sitecustomize.py").write_text(program)
    lines = "import time, ray\nfrom jobs.cluster import connect\nconnect(None)\ntime.sleep(20)\n"
    lines += "print(len(ray.nodes()), ray.get(ray.remote(lambda: 'works').remote(), timeout=120))"
    env = environment(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    done = subprocess.run(
        [sys.executable, "-c", lines], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout.split() == ["1", "works"], done.stderr


def test_one_worker_on_two_cpus_takes_both_unless_told_otherwise(local):
    assert local[1]["threads"] == [2, 1, 1]
