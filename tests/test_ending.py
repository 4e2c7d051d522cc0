"""A program that is ended by SIGTERM leaves no server behind, and nothing that it has started."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.command import ROOT, environment

_PROGRAM = """
import subprocess, sys
from tests.ending import interrupt_on_sigterm
from tests.ledger.postgres import PostgresServer

interrupt_on_sigterm()
with PostgresServer() as server, subprocess.Popen([sys.executable, "-c", "while True: pass", str(server.folder)]):
    print("begun", flush=True)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for what is begun, which the database's own user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="raypp-ending-"))
    folder.chmod(0o755)
    yield folder
    for process in _of(folder):
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


def _of(folder: Path) -> list[psutil.Process]:
    """Processes of which an argument names the folder."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or ())
    ]


def _wait(condition, within_s: float) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)


def _begin(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    env = environment(TMPDIR=str(folder))
    return subprocess.Popen([sys.executable, *command], env=env, cwd=ROOT, start_new_session=True)


def test_a_program_that_is_terminated_ends_its_server_and_its_commands(folder: Path) -> None:
    with _begin(folder, "-c", _PROGRAM) as program:
        _wait(lambda: any("while True: pass" in process.info["cmdline"] for process in _of(folder)), 60)
        program.send_signal(signal.SIGTERM)
        assert program.wait(60) == -signal.SIGINT, "as by Ctrl-C"
    _wait(lambda: not _of(folder), 10)
    assert not list(folder.glob("raypp-pg-*"))


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "1"])
def test_a_test_run_that_is_terminated_ends_its_servers(folder: Path, processes: str) -> None:
    """The signal goes to the run alone, as `timeout --foreground` sends it, and not to those who run tests for it."""
    options = ("-q", "-p", "no:cacheprovider", "-n", processes, "-m", "", "tests/ledger/test_concurrency.py")
    with _begin(folder, "-m", "pytest", *options) as run:
        _wait(lambda: any("postgres" in process.info["cmdline"][0] for process in _of(folder)), 180)
        os.kill(run.pid, signal.SIGTERM)
        assert run.wait(120) in (1, 2), "pytest's own fixture of a folder may fail where a test is interrupted"
    _wait(lambda: not _of(folder), 30)
    assert not list(folder.glob("raypp-pg-*"))
