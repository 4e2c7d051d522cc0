"""A coordinator and sites in processes of their own, on archives of drawn scenes under keys of their own."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from raypp.io.ports import free_ports
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.command import environment, succeed


@dataclass
class Training:
    """A plan on disk, with owners who have accepted it."""

    folder: Path
    sites: int
    fields: str = ""
    port: int = field(default_factory=lambda: free_ports(1)[0])

    @property
    def names(self) -> list[str]:
        return [f"plant-{number}" for number in range(1, self.sites + 1)]

    @property
    def plan(self) -> Path:
        return self.folder / "collective.yaml"

    @property
    def coordinator(self) -> Path:
        return self.folder / "coordinator"

    def prepare(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        keys = {name: VeilKey(bytes([number]) * 32) for number, name in enumerate(self.names, 1)}
        lines = "".join(f"  {name}: {key.fingerprint}\n" for name, key in keys.items())
        self.plan.write_text(
            f"name: scenes\nsites:\n{lines}architecture: yolov8p\nclasses: [hammer, saw]\nsize: 96\n"
            f"batch: 4\nnominal_batch: 4\nanswer_s: 20\ntrain_minutes: 5\n{self.fields}"
        )
        for name, key in keys.items():
            save_owner_key(key, self.folder / f"{name}.key")
            succeed("collective", "accept", self.plan, "--as", name, "--key", self.folder / f"{name}.key",
                    "--out", self.folder / f"{name}.member")  # fmt: skip
        return self

    def open(self) -> subprocess.Popen[str]:
        process = self._start("open", self.plan, "--out", self.coordinator, "--port", self.port, log="coordinator")
        self.wait_for("coordinator", "listens", process)
        return process

    def join(self, name: str, archive: Path, *options: object) -> subprocess.Popen[str]:
        return self._start(*self.join_words(name, archive), *options, log=name)

    def join_words(self, name: str, archive: Path) -> tuple[object, ...]:
        return ("join", f"127.0.0.1:{self.port}", archive, "--plan", self.plan, "--member",
                self.folder / f"{name}.member", "--token-file", self.coordinator / "tokens" / f"{name}.token",
                "--out", self.folder / name, "--on", "local", "--wait", 30)  # fmt: skip

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, name: str, words: str, process: subprocess.Popen[str], seconds: float = 300) -> None:
        until = time.monotonic() + seconds
        while words not in self.log(name):
            assert process.poll() is None or words in self.log(name), self.log(name)
            assert time.monotonic() < until, self.log(name)
            time.sleep(0.05)

    def end(self, process: subprocess.Popen[str], name: str, seconds: float = 400) -> str:
        code = process.wait(seconds)
        assert code == 0, f"{name}: exit {code}\n{self.log(name)}"
        return self.log(name)

    def hand_in(self, name: str, port: int, *, stops: bool = False) -> subprocess.Popen[str]:
        """Start a site that hands in its vector, at a port of the coordinator or of a relay before it."""
        words = (port, self.plan, self.folder / f"{name}.member", self.coordinator, "stops" if stops else "stays")
        return self._start(*words, log=name, module="tests.collective.vector_site")

    def _start(self, *words: object, log: str, module: str = "") -> subprocess.Popen[str]:
        program = ("-m", module) if module else ("-P", "-m", "raypp", "collective")
        with (self.folder / f"{log}.log").open("a") as file:
            return subprocess.Popen(
                [sys.executable, *program, *map(str, words)],
                env=environment(),
                stdout=file,
                stderr=file,
                text=True,
                start_new_session=True,
            )


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
