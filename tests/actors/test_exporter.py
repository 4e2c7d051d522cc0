import http.client
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from ray._private import services

from actors.exporter import CERTIFICATE_VARIABLE, HOST_VARIABLE, KEY_VARIABLE, TOKEN_VARIABLE, make_server
from jobs.exporters import EXPORTER, export_at, through_exporter
from raypp.serving.metrics_address import MetricsAddress
from tests.command import environment
from tests.interfaces import own_address

TOKEN = "0123456789abcdef"


def _metrics(_environ: dict[str, Any], respond: Callable[..., Any]) -> Iterable[bytes]:
    respond("200 OK", [])
    return [b"ray_raypp 1\n"]


@contextmanager
def _running() -> Iterator[int]:
    with make_server("", 0, _metrics) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def _get(port: int, token: str | None = None, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    )
    connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_without_a_word_it_is_on_loopback_alone_although_ray_asks_for_all_interfaces() -> None:
    with _running() as port:
        assert _get(port) == (200, b"ray_raypp 1\n")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own_address(), port), timeout=10)


def test_another_interface_is_one_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HOST_VARIABLE, "127.0.0.2")
    with _running() as port:
        socket.create_connection(("127.0.0.2", port), timeout=10).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=10)


def test_whoever_has_not_the_token_learns_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv(TOKEN_VARIABLE, str(tmp_path / "token"))
    with _running() as port:
        for wrong in (None, TOKEN[:-1], TOKEN + "0", "\xe9"):
            status, body = _get(port, wrong)
            assert status == 401
            assert b"ray_" not in body
        assert _get(port, TOKEN) == (200, b"ray_raypp 1\n")


def test_a_caller_that_says_nothing_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out",
            certificate,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    monkeypatch.setenv(CERTIFICATE_VARIABLE, str(certificate))
    monkeypatch.setenv(KEY_VARIABLE, str(key))
    context = ssl.create_default_context(cafile=certificate)
    with _running() as port, socket.create_connection(("127.0.0.1", port), timeout=10):
        assert _get(port, context=context) == (200, b"ray_raypp 1\n")


def test_what_the_shell_has_of_an_earlier_service_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "start_ray_process", services.start_ray_process)
    for name in (HOST_VARIABLE, TOKEN_VARIABLE, CERTIFICATE_VARIABLE, KEY_VARIABLE):
        monkeypatch.setenv(name, "/nowhere")
    export_at(MetricsAddress(0))
    with _running() as port:
        assert _get(port) == (200, b"ray_raypp 1\n")


_EXPORTED = """
import sys
from pathlib import Path
from wsgiref import simple_server
print(simple_server.make_server.__module__, sys.argv[1:], sys.path[0] == str(Path(__file__).parent), __name__)
"""


def test_a_program_of_rays_runs_as_it_would_and_has_our_server(tmp_path: Path) -> None:
    program = tmp_path / "agent.py"
    program.write_text(_EXPORTED)
    command = [sys.executable, EXPORTER, program, "--port=1"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "__main__ ['--port=1'] True __main__\n"


def test_programs_are_found_in_commands_and_in_commands_that_raylet_is_given(tmp_path: Path) -> None:
    agent = str(tmp_path / "a b" / "agent.py")
    assert through_exporter(["python", "-u", agent, "--x"], [agent]) == ["python", "-u", EXPORTER, agent, "--x"]
    passed_on = subprocess.list2cmdline(["python", agent, "--x"])
    (changed,) = through_exporter([f"--dashboard_agent_command={passed_on}"], [agent])
    assert changed == "--dashboard_agent_command=" + subprocess.list2cmdline(["python", EXPORTER, agent, "--x"])
    assert through_exporter(["raylet", "other.py"], [agent]) == ["raylet", "other.py"]
    assert Path(EXPORTER).is_file()
    assert os.sep in EXPORTER
