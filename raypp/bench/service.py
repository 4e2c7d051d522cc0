"""A service on a Ray of its own, as `raypp serve` starts it, for a measurement."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from raypp.bench.processes import family
from raypp.errors import RayppError
from raypp.io.ports import free_ports
from raypp.io.private import write_private
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger

_START_S, _STOP_S, _GLANCE_S = 300.0, 60.0, 0.1
_ANY = 100_000
OPEN_DOOR: dict[str, Any] = {
    "door": {
        "calls_per_minute": 100 * _ANY,
        "burst": _ANY,
        "under_way": _ANY,
        "strangers_per_minute": 100 * _ANY,
        "strangers_burst": _ANY,
        "strangers_under_way": _ANY,
    },
    "limits": {"streams_per_site": 10_000},
    "streams_per_gateway": 10_000,
}
"""Settings of a service that one machine may come to with the streams of thousands of sites."""


@dataclass(frozen=True)
class MeasuredService:
    """A running service.

    Attributes:
        pid: of the command.
        port: of gRPC, on loopback.
        ledger: its URL.
    """

    pid: int
    port: int
    ledger: str

    @property
    def address(self) -> str:
        """Host and port of gRPC."""
        return f"127.0.0.1:{self.port}"

    def register(self, sites: Sequence[str]) -> dict[str, str]:
        """Register sites; returns a token of each."""
        with Ledger.open(self.ledger, create=False) as ledger:
            identities = Identities(ledger)
            return {site: identities.add_site(site) for site in sites}


@contextmanager
def measured_service(
    folder: Path, bundle: Path, ledger: str | None = None, settings: dict[str, Any] | None = None
) -> Iterator[MeasuredService]:
    """Run a service until the end of the block.

    Args:
        folder: for its files, which stay.
        bundle: the detector.
        ledger: URL; a SQLite file in the folder by default.
        settings: of the service, over `OPEN_DOOR`.

    Raises:
        RayppError: if it does not serve within five minutes; it ends with the last line that it said.
    """
    ledger = ledger or f"sqlite:///{folder / 'ledger.db'}"
    log, file = folder / "serve.log", folder / "settings.yaml"
    write_private(file, yaml.safe_dump(OPEN_DOOR | {"ledger": ledger} | (settings or {})).encode())
    port, http_port = free_ports(2)
    command = [
        sys.executable, "-m", "raypp", "serve", "--model", bundle, "--settings", file,
        "--port", port, "--http-port", http_port, "--threads", 1,
    ]  # fmt: skip
    with log.open("wb") as out:
        process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=out)
    try:
        _wait_until_it_serves(process, log)
        yield MeasuredService(process.pid, port, ledger)
    finally:
        children = family(process.pid)[1:]
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for child in children:
            with suppress(psutil.NoSuchProcess):
                child.kill()


def _wait_until_it_serves(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while not any(line.startswith("serving") for line in log.read_text(errors="replace").splitlines()):
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").strip().splitlines()
            reason = "ended" if process.poll() is not None else f"has not served within {_START_S:.0f} s"
            raise RayppError(f"the measured service {reason}: {lines[-1] if lines else 'it said nothing'}")
        time.sleep(_GLANCE_S)
