"""The network that workers of a training reach each other by: that of their nodes' own addresses."""

import os
from dataclasses import dataclass
from typing import Any

import psutil
import ray
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend

_VARIABLE = "GLOO_SOCKET_IFNAME"


def interface_of(address: str) -> str | None:
    """Return the name of the interface that has an address; None where none has it."""
    names = (name for name, own in psutil.net_if_addrs().items() for each in own if _plain(each.address) == address)
    return next(names, None)


def meet_at_own_address() -> None:
    """Have gloo offer other nodes the address of this node that Ray knows.

    It offers what this host's name means otherwise. On many systems that is 127.0.0.1 or 127.0.1.1, where no other
    node can reach it. Where the environment names an interface, that one stays.
    """
    name = interface_of(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    if name is not None:
        os.environ.setdefault(_VARIABLE, name)


class _NodeBackend(_TorchBackend):
    """Torch's process group of workers on several nodes."""

    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        worker_group.execute(meet_at_own_address)
        super().on_start(worker_group, backend_config)


@dataclass
class NodeTorchConfig(TorchConfig):
    """Settings of torch's process group, whose workers meet at their nodes' addresses."""

    @property
    def backend_cls(self) -> type[_TorchBackend]:
        """Return the backend that sets the group up."""
        return _NodeBackend


def _plain(address: str) -> str:
    """Return an address without its zone, such as `%eth0`."""
    return address.partition("%")[0]
