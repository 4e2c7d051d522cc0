"""Ports of this machine: such that nobody listens on, and why one cannot be had."""

import random
import socket
import time
from contextlib import ExitStack
from pathlib import Path

RAY_AGENT_PORT = 52365
"""Port that each Ray node takes for its own agent, in the midst of those that the system hands out."""
_ABOVE_RAYS_WORKERS = 20000
"""Ray's workers listen below."""
_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
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


def reserved_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Find ports that nobody listens on, for programs that are slow to take them.

    The system hands them to nobody who asks for any port. Where it hands out all, they are as those of `free_ports`.
    """
    few = range(_ABOVE_RAYS_WORKERS, _first_handed_out())
    candidates = random.sample(few, len(few))  # so that two who look at once take others
    ports: list[int] = []
    with ExitStack() as held:
        for port in candidates:
            if len(ports) == count:
                break
            probe = held.enter_context(socket.socket())
            try:
                probe.bind((host, port))
            except OSError:
                continue
            ports.append(port)
    return ports if len(ports) == count else free_ports(count)


def _first_handed_out() -> int:
    try:
        return int(_HANDED_OUT.read_text().split()[0])
    except OSError:
        return 0


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
