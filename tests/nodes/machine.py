"""A machine of a cluster as Linux has it: network, processes, temporary files and shared memory of its own."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from tests.command import environment

_INIT = "ip link set lo up; mount --bind {disk} /tmp/ray; mount -t tmpfs -o size={memory} tmpfs /dev/shm; {wait}"
_WAIT = "echo up; while :; do sleep 3600 & wait; done"
_MEMORY = "400m"
_PROGRAMS = ("ip", "setpriv", "unshare", "nsenter", "mount")
_NUMBERS = itertools.count()
_STARTER = ThreadPoolExecutor(1)
"""A machine ends with the thread that started it, so none but this one does."""
_PATIENT = {
    "RAY_raylet_start_wait_time_s": "120",
    "RAY_gcs_server_port_wait_time_s": "240",
    "RAY_agent_register_timeout_ms": "240000",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "180",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
}
"""Of a machine that is busy with other tests."""


def lacking() -> str:
    """Say what this account or system lacks for machines of their own; empty if nothing."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"these programs are not installed: {', '.join(absent)}"
    return "" if os.getuid() == 0 else "network namespaces need root"


@dataclass
class Machine:
    """A machine that runs: whatever is started on it ends with its first process.

    Attributes:
        name, address: the address is on the network of all machines, and of the system that they run on.
        disk: folder that is its /tmp/ray, and outlives it.
        env: of what is started on it.
    """

    name: str
    address: str
    disk: Path
    env: dict[str, str]
    init: "subprocess.Popen[str]"
    link: str

    def command(self, *words: object) -> list[str]:
        """Say how a command is run on this machine."""
        (inner,) = self._children()
        inside = ["nsenter", f"--target={inner}", "--net", "--mount", "--pid", f"--wdns={Path.cwd()}"]
        return [*inside, *map(str, words)]

    def run(self, *words: object, timeout: float = 300) -> str:
        """Run a command to its end; returns what it prints, and fails the test unless it exits with 0."""
        output = self.disk / f"command-{next(_NUMBERS)}.log"
        with output.open("w") as out:  # a pipe would be held open by what Ray leaves behind
            done = subprocess.run(self.command(*words), **self._apart(out), timeout=timeout, check=False)
        text = output.read_text()
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{text[-4000:]}"
        return text

    def begin(self, *words: object, log: Path) -> "subprocess.Popen[bytes]":
        """Begin a command, whose output is added to a file."""
        with log.open("ab") as out:
            return subprocess.Popen(self.command(*words), **self._apart(out))

    def _apart(self, out: IO[Any]) -> dict[str, Any]:
        """How a command is begun: a session of its own, so that Ctrl-C ends the test, and the test ends it."""
        return {"env": self.env, "stdout": out, "stderr": out, "start_new_session": True}

    def lose(self) -> None:
        """Kill -9 all processes at once; what others send to it is answered by nobody, as when power fails."""
        subprocess.run(["ip", "link", "delete", self.link], stderr=subprocess.DEVNULL, check=False)  # no last words
        for child in self._children():
            os.kill(child, 9)
        self.init.wait()
        if self.init.stdout is not None:
            self.init.stdout.close()

    def titles(self) -> list[str]:
        """Command lines of what runs on it."""
        lines = []
        for process in psutil.Process(self.init.pid).children(recursive=True):
            try:
                lines.append(" ".join(process.cmdline()))
            except psutil.Error:
                continue
        return lines

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.init.pid}/task/{self.init.pid}/children")
        return [int(word) for word in children.read_text().split()] if children.exists() else []


@dataclass
class Network:
    """The network of all machines of a test: a bridge, whose own address the system that they run on has.

    Attributes:
        place: where the machines' disks are.
        bridge, prefix: names of the bridge and first three numbers of its addresses.
        env: variables of what runs on the machines.
    """

    place: Path
    bridge: str
    prefix: str
    env: dict[str, str] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)

    @property
    def own_address(self) -> str:
        """Address of the system that the machines run on."""
        return self.address(-1)

    def address(self, number: int) -> str:
        """Address of a machine, by its number from 0."""
        return f"{self.prefix}.{number + 2}"

    def machine(self, name: str, number: int, memory: str = _MEMORY, **env: str) -> Machine:
        """Start a machine; one of a name that was lost has its disk and address again."""
        disk, link, address = self.place / name, f"{self.bridge}v{number}", self.address(number)
        disk.mkdir(parents=True, exist_ok=True)
        Path("/tmp/ray").mkdir(exist_ok=True)
        script = _INIT.format(disk=disk, memory=memory, wait=_WAIT)
        command = [
            "setpriv",
            "--pdeathsig=KILL",
            "unshare",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "bash",
            "-c",
            script,
        ]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True, "start_new_session": True}
        init = _STARTER.submit(subprocess.Popen, command, **options).result()
        assert init.stdout is not None
        assert init.stdout.readline() == "up\n"
        started = Machine(name, address, disk, environment(**_PATIENT, **self.env, **env), init, link)
        self.machines[name] = started
        (inner,) = started._children()
        _ip("link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", inner)
        _ip("link", "set", link, "master", self.bridge, "up")
        started.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
        started.run("ip", "link", "set", "eth0", "up")
        started.run("ip", "route", "add", "default", "via", self.own_address)  # Ray takes its address from there
        return started


@contextmanager
def network(place: Path, **env: str) -> Iterator[Network]:
    """Have a network, on which machines are started; all are lost at the end.

    Args:
        place: for the machines' disks.
        env: variables of what runs on them.
    """
    number = os.getpid() % 200
    bridge, prefix = f"rn{number}", f"10.87.{number}"
    _ip("link", "add", bridge, "type", "bridge")
    machines = Network(place, bridge, prefix, env)
    try:
        _ip("address", "add", f"{machines.own_address}/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        yield machines
    finally:
        for machine in machines.machines.values():
            machine.lose()
        _ip("link", "delete", bridge)


def _ip(*words: object) -> None:
    subprocess.run(["ip", *map(str, words)], check=True)
