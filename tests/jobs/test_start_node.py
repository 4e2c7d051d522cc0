"""A node that is started by `python -m jobs.start_node` exports metrics where it was told, and to whom."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from actors.exporter import HOST_VARIABLE, TOKEN_VARIABLE
from jobs import agent_ports
from jobs.agent_ports import with_agent_ports
from jobs.start_node import prepare
from raypp.errors import OptionError
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from tests.command import ROOT, environment
from tests.interfaces import own_address

_FIXED = (44217, 44227)
"""Of Ray's autoscaler and dashboard, which know no other."""
_TOKEN = "0123456789abcdef"


def test_a_node_that_lets_anybody_in_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOST_VARIABLE, "0.0.0.0")  # noqa: S104 - nothing is bound
    with pytest.raises(OptionError, match="lets other machines read metrics"):
        prepare(["--head", "--metrics-export-port=9464"])
    with pytest.raises(OptionError, match="lets other machines read metrics"):
        prepare(["--head"])  # the fixed ports are there all the same


def test_ports_of_agents_are_those_that_are_named_or_the_usual_or_free_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    monkeypatch.setattr(services, "start_ray_process", lambda command: command)
    raylet = [services.RAYLET_EXECUTABLE, "--dashboard_agent_command=python agent.py --listen-port=4711 --head"]
    with socket.socket() as taken:
        taken.bind(("", 0))
        number = taken.getsockname()[1]
        monkeypatch.setitem(agent_ports.USUAL, "runtime-env-agent", number)
        head, *named = with_agent_ports(
            ["--head", "--dashboard-agent-listen-port=4711", "--metrics-export-port", "4712"]
        )
    ports = dict(option.split("=") for option in named if "=" in option)
    assert head == "--head"
    assert ports["--dashboard-agent-listen-port"] == "4711"
    assert "--metrics-export-port" not in ports, "it is named already"
    assert int(ports["--runtime-env-agent-port"]) not in {0, number}
    assert services.start_ray_process(raylet) == [*raylet, "--dashboard_agent_listen_port=4711"]
    with_agent_ports([])  # as who starts a second node does
    assert services.start_ray_process(raylet) == [*raylet, "--dashboard_agent_listen_port=4711"], "once"
    assert services.start_ray_process([services.RAYLET_EXECUTABLE]) == [services.RAYLET_EXECUTABLE]
    assert services.start_ray_process(["gcs_server"]) == ["gcs_server"]


@pytest.mark.ray
@pytest.mark.slow
def test_a_node_starts_whose_agent_is_later_than_ray_waits_for_it(tmp_path: Path) -> None:
    program = "import sys, time\nif any('dashboard/agent.py' in word for word in sys.orig_argv): time.sleep(20)\n"
    (tmp_path / "sitecustomize.py").write_text(program)
    with _head(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}") as (_, processes):
        assert [process for process in processes() if "raylet/raylet" in process.cmdline()[0]]


@pytest.mark.ray
@pytest.mark.slow
def test_a_node_without_a_port_exports_nothing_and_its_fixed_ports_are_on_loopback() -> None:
    with _head() as (address, processes):
        assert not _reached(address, _FIXED)
        assert _answer("127.0.0.1", _FIXED[1]) == 200
        listening = {
            connection.laddr.port
            for process in processes()
            if "dashboard/agent.py" in " ".join(process.cmdline())
            for connection in process.net_connections("tcp4")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.ip in {"0.0.0.0", "127.0.0.1"}  # noqa: S104
        }
        assert not {port for port in listening if _says_metrics(port)}


@pytest.mark.ray
@pytest.mark.slow
def test_a_node_with_a_token_answers_nobody_without_it(tmp_path: Path) -> None:
    write_private(tmp_path / "token", _TOKEN.encode())
    (port,) = free_ports(1)
    variables = {HOST_VARIABLE: "0.0.0.0", TOKEN_VARIABLE: str(tmp_path / "token")}  # noqa: S104
    with _head("--metrics-export-port", str(port), **variables) as (address, _):
        for each in (port, *_FIXED):
            assert _answer(address, each) == 401
            assert _answer(address, each, _TOKEN) == 200


@contextmanager
def _head(*options: str, **variables: str) -> Iterator[tuple[str, object]]:
    if any(_reached("127.0.0.1", [port]) for port in _FIXED):
        pytest.skip("another Ray of this machine has the fixed ports")
    address = own_address()
    (port,) = free_ports(1)
    session = tempfile.mkdtemp(prefix="raypp-node-")  # sockets lie in it, whose names must be short
    command = [
        sys.executable, "-m", "jobs.start_node", "--head", "--port", str(port), "--node-ip-address", address,
        "--num-cpus", "1", "--temp-dir", session, *options,
    ]  # fmt: skip

    def processes() -> list[psutil.Process]:
        return [each for each in psutil.process_iter() if session in " ".join(_line(each))]

    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment(**variables), capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        deadline = time.monotonic() + 120
        while not _reached(address if HOST_VARIABLE in variables else "127.0.0.1", [_FIXED[1]]):
            assert time.monotonic() < deadline
            time.sleep(0.5)
        yield address, processes
    finally:
        for process in processes():
            if process.pid != os.getpid():
                process.kill()
        shutil.rmtree(session, ignore_errors=True)


def _line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _reached(host: str, ports: "list[int] | tuple[int, ...]") -> bool:
    for port in ports:
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError:
            continue
        return True
    return False


def _answer(host: str, port: int, token: str | None = None) -> int:
    request = urllib.request.Request(f"http://{host}:{port}/metrics")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _says_metrics(port: int) -> bool:
    try:
        return _answer("127.0.0.1", port) == 200
    except OSError:
        return False
