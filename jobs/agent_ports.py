"""Name the ports of a Ray node's agents before it starts, so that it does not end where they are slow to name them.

A raylet gives its agents fifteen seconds to write down ports of their own choice, and then ends; agents of a machine
that is busy take longer to import what they need. Of the four ports Ray does not tell the raylet one, though it takes
it: findings/ray_node_dies_for_slow_agent.sh.
"""

import argparse
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any

from raypp.io.ports import reserved_ports

USUAL = {
    "dashboard-agent-listen": 52365,  # Ray's own
    "dashboard-agent-grpc": 52366,
    "metrics-export": 52367,
    "runtime-env-agent": 52368,
}
_FIELDS = ("dashboard_agent_listen_port", "metrics_agent_port", "metrics_export_port", "runtime_env_agent_port")
"""The same ports, as `RayParams` names them."""
_TOLD = "--dashboard_agent_listen_port"


def with_agent_ports(arguments: Sequence[str]) -> list[str]:
    """Return arguments of `ray start` that name each port: as they did, the usual one, or where that is taken any.

    The raylet that this process starts next is told of all of them.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in USUAL:
        parser.add_argument(f"--{name}-port", type=int, dest=name)
    given: dict[str, int | None] = vars(parser.parse_known_args(list(arguments))[0])
    chosen = {name: _free(port) for name, port in USUAL.items() if not given[name]}
    _tell_raylet()
    return [*arguments, *(f"--{name}-port={port}" for name, port in chosen.items())]


def name_agent_ports() -> None:
    """Have the local Ray that this process starts next name each port of its agents, and tell its raylet of them."""
    from ray._private.node import Node  # noqa: PLC0415 - Ray reads the environment when it is imported

    start: Callable[..., None] = Node.__init__

    def start_named(node: Node, ray_params: Any, *arguments: Any, **options: Any) -> None:
        ports = zip(_FIELDS, reserved_ports(len(_FIELDS)), strict=True)
        ray_params.update_if_absent(**dict(ports))
        start(node, ray_params, *arguments, **options)

    Node.__init__ = start_named  # type: ignore[assignment,method-assign]
    _tell_raylet()


def tell_listen_port(command: list[str]) -> list[str]:
    """Return a raylet's command that names the port its agent is to listen on, if there is one and it does not yet."""
    ports = [port for word in command for port in re.findall(r"--listen-port=(\d+)", word) if port != "0"]
    if not ports or any(word.startswith(_TOLD) for word in command):
        return command
    return [*command, f"{_TOLD}={ports[0]}"]


def _free(usual: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("", usual))
        except OSError:
            return reserved_ports(1, "")[0]
    return usual


def _tell_raylet() -> None:
    from ray._private import services  # noqa: PLC0415 - Ray reads the environment when it is imported

    start: Callable[..., Any] = services.start_ray_process

    def start_told(command: list[str], *arguments: Any, **options: Any) -> Any:
        is_raylet = command[0] == services.RAYLET_EXECUTABLE
        return start(tell_listen_port(command) if is_raylet else command, *arguments, **options)

    services.start_ray_process = start_told
