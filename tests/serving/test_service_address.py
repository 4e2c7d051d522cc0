import socket
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from raypp.errors import OptionError
from raypp.io.ports import free_ports
from raypp.serving.metrics_address import MetricsAddress
from raypp.serving.service_address import ServiceAddress
from raypp.serving.settings import ServiceSettings

HERE = ServiceAddress("127.0.0.1", 9000, "127.0.0.1", 8000, None, local=True)
EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound
OPEN = ServiceSettings(models=(Path("tools.model"),))
FRONTED = ServiceSettings(models=(Path("tools.model"),), front_secret_file=Path("front.secret"))


def test_other_machines_are_let_in_only_behind_a_front():
    HERE.check(OPEN)
    for where in (replace(HERE, host=EVERYWHERE), replace(HERE, http_host="192.0.2.7"), replace(HERE, host="::")):
        with pytest.raises(OptionError, match=r"lets other machines reach .* give `front_secret_file`"):
            where.check(OPEN)
        where.check(FRONTED)


def test_what_is_no_address_is_named():
    with pytest.raises(OptionError, match=r"`host` 'plant' is no address; give 127\.0\.0\.1"):
        replace(HERE, host="plant").check(FRONTED)
    with pytest.raises(OptionError, match="`host` is of a local Ray"):
        replace(HERE, host=EVERYWHERE, local=False).check(FRONTED)


def test_metrics_of_a_running_ray_are_not_the_services_to_place():
    with pytest.raises(OptionError, match="`metrics_port` is of a local Ray; nodes of a running one"):
        replace(HERE, metrics=MetricsAddress(9100), local=False).check(FRONTED)


@pytest.mark.parametrize("local", [True, False])
def test_each_port_is_its_own_and_none_is_of_ray(local: bool):
    where = replace(HERE, local=local)
    with pytest.raises(OptionError, match=r"^`http_port` 9000 is the port of `port`; give another$"):
        replace(where, http_port=9000).check(OPEN)
    with pytest.raises(OptionError, match=r"^`metrics_port` 8000 is the port of `http_port`"):
        replace(where, metrics=MetricsAddress(8000)).check(OPEN)
    for field, change in _on_port(52365).items():
        with pytest.raises(OptionError, match=rf"^`{field}` 52365 is the port of Ray's own agent; give another$"):
            replace(where, **change).check(OPEN)


def test_a_port_that_another_program_has_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for field, change in _on_port(port).items():
            with pytest.raises(
                OptionError, match=rf"^`{field}` {port} on 127\.0\.0\.1 cannot be had: Address already in use"
            ):
                replace(_free(), **change).check_free(0)
        replace(_free(), port=port, local=False).check_free(0)


def test_a_port_that_is_left_meanwhile_is_taken():
    where = _free()
    other = socket.socket()
    other.bind(("127.0.0.1", where.port))
    other.listen()
    threading.Timer(0.3, other.close).start()
    where.check_free(30)


def _free() -> ServiceAddress:
    port, http_port, metrics_port = free_ports(3)
    return replace(HERE, port=port, http_port=http_port, metrics=MetricsAddress(metrics_port))


def _on_port(port: int) -> dict[str, dict[str, Any]]:
    return {"port": {"port": port}, "http_port": {"http_port": port}, "metrics_port": {"metrics": MetricsAddress(port)}}


def test_it_says_how_to_get_in_and_how_to_end_it():
    lines = HERE.lines(OPEN, Path("/logs"))
    assert lines["gRPC"] == "127.0.0.1:9000, this machine alone, no TLS; no front"
    assert "any user name; the password is a token" in lines["pages"]
    assert "http://127.0.0.1:8000/ " in lines["pages"]
    assert "Ctrl-C" in lines["serving"]
    assert "metrics" not in lines
    metrics = replace(HERE, metrics=MetricsAddress(9100))
    assert metrics.lines(OPEN, None)["metrics"] == "http://127.0.0.1:9100/metrics  no token"
    everywhere = replace(HERE, host=EVERYWHERE).lines(FRONTED, None)["gRPC"]
    assert everywhere == "0.0.0.0:9000, reached from other machines, no TLS; calls need the front's secret"
