"""The commands of containers, as the manifests have them, with other folders: the front, secrets, and logs."""

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.front import TEMPLATE, Authority
from tools.manifests.objects import Map, Resource, pods_of

Objects = Callable[..., list[Resource]]


def _container(resources: list[Resource], name: str) -> Map:
    """The first container of a name."""
    return next(
        container
        for resource in resources
        for pod in pods_of(resource)
        for container in pod.containers
        if container["name"] == name
    )


def _moved(command: list[str], *moves: tuple[str, object]) -> list[str]:
    """A command with other texts in its script, each of which it has."""
    script = command[-1]
    for before, after in moves:
        assert before in script
        script = script.replace(before, str(after))
    return [*command[:-1], script]


def test_secrets_are_copied_for_their_user_alone(tmp_path: Path, resources_of: Objects) -> None:
    mounted, secrets = tmp_path / "m", tmp_path / "s"
    (mounted / "..2026").mkdir(parents=True)
    secrets.mkdir()
    (mounted / "..2026" / "owner.key").write_text("key")
    (mounted / "..2026" / "owner.key").chmod(0o440)
    (mounted / "..data").symlink_to("..2026")
    (mounted / "owner.key").symlink_to("..data/owner.key")
    command = _container(resources_of("overlays/owner"), "secrets")["command"]
    subprocess.run(_moved(command, ("/mounted", mounted), ("/secrets", secrets)), check=True)
    (copied,) = secrets.iterdir()
    assert (copied.name, copied.read_text(), copied.stat().st_mode & 0o777) == ("owner.key", "key", 0o400)


def test_logs_of_ray_outlive_their_pod(tmp_path: Path, resources_of: Objects) -> None:
    ray, kept = tmp_path / "ray", tmp_path / "kept"
    logs = ray / "session_2026-11-29_1" / "logs"
    kept.mkdir()
    command = _container(resources_of("overlays/ml"), "logs")["command"]
    moves = ("/tmp/ray", ray), ('"/logs/', f'"{kept}/'), ("sleep 15", "sleep 0.1")
    with subprocess.Popen(_moved(command, *moves), stderr=subprocess.PIPE, text=True) as process:
        time.sleep(0.3)
        logs.mkdir(parents=True)
        (logs / "raylet.out").write_text("one\n")
        copied = kept / logs.parent.name / "raylet.out"
        deadline = time.monotonic() + 20
        while not copied.exists() or copied.read_text() != "one\n":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        (logs / "last.out").write_text("last\n")
        process.terminate()
        assert (process.wait(20), process.stderr and process.stderr.read()) == (0, "")
    assert (copied.parent / "last.out").read_text() == "last\n"


def test_the_front_starts_and_takes_callers_addresses_from_the_gateway(tmp_path: Path, resources_of: Objects) -> None:
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if nginx is None or shutil.which("envsubst") is None:
        pytest.skip("nginx or envsubst is not installed; on Debian: apt-get install nginx-light gettext-base")
    resources = resources_of("overlays/ml")
    settings = {held.name: held.document["data"] for held in resources if held.kind == "ConfigMap"}
    assert settings["raypp-front-template"]["nginx.conf.template"] == TEMPLATE.read_text()
    for name in ("run", "front.d", "template", "secrets"):
        (tmp_path / name).mkdir()
    (tmp_path / "front.d" / "callers.conf").write_text(settings["raypp-front-callers"]["callers.conf"])
    (tmp_path / "template" / "nginx.conf.template").write_text(TEMPLATE.read_text())
    (tmp_path / "secrets" / "front.secret").write_text("5" * 64)
    certificate, key = (authority := Authority.make("raypp front")).issue("raypp-front", server=True)
    (tmp_path / "server.crt").write_bytes(certificate)
    (tmp_path / "server.key").write_bytes(key)
    (tmp_path / "clients.crt").write_bytes(authority.pem)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {"LISTEN": f"127.0.0.1:{port}", "FOLDER": str(tmp_path), "RUN": str(tmp_path / "run")}
    service = {"SERVICE": "127.0.0.1:9", "PAGES": "127.0.0.1:9", "VERIFY_CLIENT": "off"}
    container = _container(resources, "nginx")
    assert {variable["name"] for variable in container["env"]} == places.keys() | service.keys()
    command = _moved(container["command"], ("/template", tmp_path / "template"), ("/secrets", tmp_path / "secrets"))
    log = tmp_path / "output"
    path = f"{Path(nginx).parent}:{os.environ['PATH']}"
    with (
        log.open("w") as output,
        subprocess.Popen(command, env={"PATH": path, **places, **service}, stdout=output, stderr=output) as process,
    ):
        try:
            assert _status(port) == 404
        finally:
            process.terminate()
    assert "203.0.113.9" in log.read_text()
    assert f'"{"5" * 64}"' in (tmp_path / "run" / "nginx.conf").read_text()
    assert (tmp_path / "run" / "nginx.conf").stat().st_mode & 0o077 == 0


def _status(port: int) -> int:
    """The answer to a call that a gateway hands on, once the front listens."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    deadline = time.monotonic() + 20
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as plain, context.wrap_socket(plain) as secure:
                secure.sendall(b"GET /-/healthz HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
                return int(secure.recv(100).split()[1])
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
