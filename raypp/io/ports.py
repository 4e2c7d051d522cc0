"""Ports of this machine: such that nobody listens on, and why one cannot be had."""

import socket
import time
from contextlib import ExitStack

RAY_AGENT_PORT = 52365
"""Port that each Ray node takes for its own agent, in the midst of those that the system hands out."""


_RETRY_S = 0.2


def free_ports(count: int) -> list[int]:
    """Find ports of loopback that nobody listens on, each another one, and none that Ray takes for itself."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            probe = held.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
            if port != RAY_AGENT_PORT:
                ports.append(port)
    return ports


def why_taken(host: str, port: int, wait_s: float) -> str | None:
    """Say why nobody can listen on a port, in the system's words; None if one can.

    Args:
        host: address of an interface, IPv4 or IPv6.
        port: 0 to 65535.
        wait_s: how long a program that is about to end may keep it.
    """
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if time.monotonic() >= deadline:
                return error.strerror
        else:
            return None
        time.sleep(_RETRY_S)
