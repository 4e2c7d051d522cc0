"""What Ray raises when it does not start is one line for the user, and signals do what they did before it started."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from jobs.starting import start_told
from raypp.errors import RayppError
from tests.command import environment


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ConnectionError("Could not find any running Ray instance"), "no Ray answers at head:6379; check `address`"),
        (Exception("The current node timed out during startup. This could happen because"), "machine is too busy"),
        (TimeoutError("HTTP proxies not available after 60s."), "machine is too busy"),
    ],
)
def test_ray_that_does_not_start_is_one_line(raised: Exception, message: str) -> None:
    with pytest.raises(RayppError, match=message), start_told("head:6379"):
        raise raised


def test_anything_else_is_raised_as_it_is() -> None:
    with pytest.raises(KeyError), start_told(None):
        raise KeyError("other")


_COMMAND = """
import time
from jobs.cluster import connect
from raypp.cli.app import run_command

def wait():
    connect(None)
    print("connected", flush=True)
    time.sleep(300)

run_command(wait, "train")
"""


@pytest.mark.ray
@pytest.mark.parametrize(
    ("sent", "code"), [pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow), (signal.SIGTERM, 143)]
)
def test_a_command_that_is_stopped_on_ray_says_how_to_go_on_and_nothing_else(sent: signal.Signals, code: int) -> None:
    env = environment(RAY_TMPDIR=os.environ.get("RAY_TMPDIR", "/tmp"))  # a socket's path must be short
    with subprocess.Popen(
        [sys.executable, "-P", "-c", _COMMAND], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stdout.readline() == "connected\n"
        started = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(sent)
        out, errors = running.communicate(timeout=60)
    assert (running.returncode, out) == (code, "")
    assert errors == "raypp: stopped; run the same command again to go on where it stopped\n"
    assert started
    assert psutil.wait_procs(started, timeout=30)[1] == []
