"""Name the ports of a Ray node's agents before it starts, so that it does not end where they are slow to name them.

A raylet gives its agents fifteen seconds to write down ports of their own choice, and then ends; agents of a machine
that is busy take longer to import what they need. Of the four ports Ray does not tell the raylet one, though it takes
it: findings/ray_node_dies_for_slow_agent.sh.
"""

import argparse
import socket
from collections.abc import Callable, Sequence
from typing import Any

from raypp.io.ports import free_ports

USUAL = {
    "dashboard-agent-listen": 52365,  # Ray's own
    "dashboard-agent-grpc": 52366,
    "metrics-export": 52367,
    "runtime-env-agent": 52368,
}


def with_agent_ports(arguments: Sequence[str]) -> list[str]:
    """Return arguments of `ray start` that name each port: as they did, the usual one, or where that is taken any.

    The Ray that this process starts next is told of all of them.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in USUAL:
        parser.add_argument(f"--{name}-port", type=int, dest=name)
    given: dict[str, int | None] = vars(parser.parse_known_args(list(arguments))[0])
    chosen = {name: _free(port) for name, port in USUAL.items() if not given[name]}
    _tell_raylet(given["dashboard-agent-listen"] or chosen["dashboard-agent-listen"])
    return [*arguments, *(f"--{name}-port={port}" for name, port in chosen.items())]


def _free(usual: int) -> int:
    with socket.socket() as probe:
        try:
            probe.bind(("", usual))
        except OSError:
            return free_ports(1)[0]
    return usual


def _tell_raylet(listen_port: int) -> None:
    from ray._private import services  # noqa: PLC0415 - Ray reads the environment when it is imported

    start: Callable[..., Any] = services.start_ray_process

    def start_told(command: list[str], *arguments: Any, **options: Any) -> Any:
        if command[0] == services.RAYLET_EXECUTABLE:
            command = [*command, f"--dashboard_agent_listen_port={listen_port}"]
        return start(command, *arguments, **options)

    services.start_ray_process = start_told
