"""Two gateways on two nodes: a site's streams are counted on both together, also when one is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from sqlalchemy import select

from protos.raypp_pb2_grpc import SitesStub
from raypp.io.ports import free_ports
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OpenStreamRow
from raypp.serving.limits import ServiceLimits
from raypp.serving.settings import Scale, ServiceSettings
from tests.command import environment
from tests.e2e.serve.talk import Code, refused
from tests.ledger.postgres import PostgresServer
from tests.serving.bundles import write_eager_bundle
from tests.serving.running import Camera, Connection, bearer

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

_MOST, _LEASE_S = 4, 10
_STARTS_WITHIN_S = 480


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with PostgresServer(fsync="off") as server, Ledger.open(server.database()) as opened:
        yield opened


@pytest.fixture
def address(ledger: Ledger, tmp_path: Path) -> Iterator[str]:
    """The gRPC address of a service with a gateway on each of two nodes."""
    (port,) = free_ports(1)
    settings = ServiceSettings(
        models=(write_eager_bundle(tmp_path / "tools.model"),),
        ledger=ledger.database.engine.url.render_as_string(hide_password=False),
        gateways=Scale(least=2, most=2, cpus=1),
        detectors=Scale(cpus=0),
        limits=ServiceLimits(streams_per_site=_MOST),
        stream_lease_s=_LEASE_S,
    )
    env = environment(
        RAY_SERVE_PROXY_PREFER_LOCAL_NODE_ROUTING="0",
        RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S="60",
        RAY_raylet_start_wait_time_s="150",  # on a machine that is busy
    )
    command = [sys.executable, "-m", "tests.e2e.serve.two_nodes", settings.model_dump_json(), str(port)]
    log = tmp_path / "serve.log"
    with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out) as process:
        try:
            deadline = time.monotonic() + _STARTS_WITHIN_S
            while "serving" not in log.read_text():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _gateways(ledger: Ledger) -> dict[str, int]:
    """How many streams each gateway holds."""
    with ledger.database.read() as connection:
        names = list(connection.execute(select(OpenStreamRow.gateway)).scalars())
    return {name: names.count(name) for name in names}


def test_a_sites_streams_are_counted_on_both_together(address: str, ledger: Ledger) -> None:
    metadata = bearer(Identities(ledger).add_site("plant"))
    stub = SitesStub(grpc.insecure_channel(address))
    with ExitStack() as stack:

        def connect(camera: str) -> Connection:
            return stack.enter_context(Connection(Camera("plant", camera), stub, metadata))

        def refuse(camera: str, words: str = "streams open on all gateways") -> None:
            connection = connect(camera)
            connection.send(connection.camera.open())
            refused(connection, Code.RESOURCE_EXHAUSTED, f"plant has {_MOST} {words}")

        opened = {camera: connect(camera) for camera in ("a", "b", "c", "d")}
        for connection in opened.values():
            connection.open()
        held = _gateways(ledger)
        assert sorted(held.values()) == [2, 2], held
        for _ in range(4):  # whichever gateway it comes to
            refuse("e")

        killed = next(iter(held))
        lost = [camera for camera in opened if _holder(ledger, camera) == killed]
        os.kill(int(killed.split(":")[1]), signal.SIGKILL)
        killed_at = time.monotonic()
        for camera in lost:
            opened.pop(camera).error()
        refuse("e")
        connect(lost[0]).open()  # its camera's own place needs no waiting
        assert time.monotonic() - killed_at < _LEASE_S
        while time.monotonic() - killed_at < _LEASE_S:
            time.sleep(0.2)
        connect("e").open()
        refuse(lost[1], "streams open")  # the gateway that is left may have all of them
        for connection in opened.values():  # those of the other gateway were never cut
            connection.chunk(1, None, 0)
            assert connection.committed().sequence == 1


def _holder(ledger: Ledger, camera: str) -> str:
    with ledger.database.read() as connection:
        query = select(OpenStreamRow.gateway).where(OpenStreamRow.camera == camera)
        return str(connection.execute(query).scalar_one())
