"""A service that is told to stop while it starts does so at once, and in order."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from jobs.serve_models import PORT_WAIT_S
from raypp.io.ports import free_ports, why_taken
from tests.command import environment
from tests.serving.bundles import write_eager_bundle
from tests.serving.running import running_service

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.mark.parametrize(("process_name", "sent"), [("gcs_server", signal.SIGTERM), ("ServeController", signal.SIGINT)])
def test_a_service_that_is_stopped_while_it_starts_ends_in_order(
    process_name: str, sent: signal.Signals, tmp_path: Path
) -> None:
    write_eager_bundle(tmp_path / "tools.model")
    port, http_port = free_ports(2)
    command = [
        sys.executable, "-m", "raypp", "serve", "--model", tmp_path / "tools.model", "--port", port,
        "--http-port", http_port, "--ledger", f"sqlite:///{tmp_path / 'ledger.db'}",
    ]  # fmt: skip
    with subprocess.Popen([*map(str, command)], env=environment(), stderr=subprocess.PIPE, text=True) as service:
        while not any(process_name in name for name in _names(service.pid)):
            assert service.poll() is None
            time.sleep(0.1)
        service.send_signal(sent)
        errors = service.communicate(timeout=120)[1].splitlines()
    assert service.returncode == 0, errors
    assert [line.split()[0] for line in errors] == ["starting", "stopped"]


def _names(pid: int) -> list[str]:
    names = []
    for process in psutil.Process(pid).children(recursive=True):
        try:
            names.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return names


def test_a_service_that_was_killed_leaves_its_ports_to_the_next(tmp_path: Path) -> None:
    with running_service(tmp_path, {}) as service:
        service.process.kill()
        service.process.wait()
        for port in (service.port, service.http_port, service.metrics_port):
            assert why_taken("127.0.0.1", port, PORT_WAIT_S) is None, port
