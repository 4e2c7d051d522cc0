"""Workers on several nodes meet at the addresses that Ray knows, whatever the hosts' names mean."""

import socket

import pytest

ray = pytest.importorskip("ray")

from jobs import node_network  # noqa: E402 - needs Ray
from jobs.node_network import interface_of, meet_at_own_address  # noqa: E402
from jobs.team import torch_backend  # noqa: E402

_NOBODYS = "192.0.2.1"


def test_an_address_has_the_interface_that_it_stands_on() -> None:
    loopback = interface_of("127.0.0.1")
    assert loopback in [name for _, name in socket.if_nameindex()]
    assert interface_of(_NOBODYS) is None


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [("127.0.0.1", None, interface_of("127.0.0.1")), ("127.0.0.1", "eth7", "eth7"), (_NOBODYS, None, None)],
)
def test_gloo_is_told_the_nodes_interface_unless_the_environment_names_one(
    monkeypatch: pytest.MonkeyPatch, address: str, before: str | None, after: str | None
) -> None:
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: address)
    environ = {"GLOO_SOCKET_IFNAME": before} if before else {}
    monkeypatch.setattr(node_network.os, "environ", environ)
    meet_at_own_address()
    assert environ.get("GLOO_SOCKET_IFNAME") == after


def test_each_training_of_several_workers_meets_so() -> None:
    assert torch_backend(2, gpu=False).backend_cls is node_network._NodeBackend
