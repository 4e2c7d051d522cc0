"""A site of the tests: key, token, service, and agents run in a process of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raypp.edge.agent import Agent
from raypp.edge.cameras_file import CameraSettings
from raypp.edge.settings import AgentSettings
from raypp.edge.status import CameraStatus, SiteStatus
from raypp.edge.uplink.connection import ServiceConnection
from raypp.io.private import write_private
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import PatchSpec
from tests.command import ROOT
from tests.edge.service import TOKEN, Service

SITE = "plant-1"
CAMERAS = ["bench-1", "bench-2", "bench-3", "bench-4"]


class AgentHere:
    """An agent that runs in a thread."""

    def __init__(
        self, settings: AgentSettings, cameras: dict[str, CameraSettings], log_path: Path, config: Path | None
    ) -> None:
        self._given = settings, cameras, config
        self._log_path = log_path
        self._loop = asyncio.new_event_loop()
        self._begun = threading.Event()
        self._agent: Agent | None = None
        self.result: SiteStatus | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._begun.wait(30)

    def _run(self) -> None:
        try:
            self.result = self._loop.run_until_complete(self._main())
        finally:
            self._begun.set()
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _main(self) -> SiteStatus:
        settings, cameras, config = self._given
        self._agent = Agent(settings, cameras, self._log, config)
        self._begun.set()
        return await self._agent.run()

    def _log(self, text: str) -> None:
        with self._log_path.open("a") as log:
            log.write(text + "\n")

    def camera(self, name: str = "bench-1") -> CameraStatus:
        return self._agent.status().cameras.get(name, CameraStatus())

    def wait(self, seconds: float = 60) -> SiteStatus:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the agent did not end in time"
        assert self.result is not None
        return self.result

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._agent.stop)
            self._thread.join(60)


class Site:
    """A site's files, and the agent's process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key_path = folder / "site.key"
        self.token_path = folder / "token"
        self.spool = folder / "spool"
        self.log_path = folder / "agent.log"
        key = SiteKey.derive_from(VeilKey(bytes(range(32))), PatchSpec(), SITE, CAMERAS)
        save_site_key(key, self.key_path)
        write_private(self.token_path, TOKEN.encode() + b"\n")
        self.veil_id = key.veil_id(PatchSpec())
        self.running: list[subprocess.Popen[bytes]] = []
        self.here: list[AgentHere] = []

    def options(self, server: str, *more: object, size: int = 160) -> list[str]:
        """Options of `raypp stream` and of the doctor."""
        options = ["--server", server, "--token-file", self.token_path, "--site", SITE, "--spool", self.spool]
        return [str(option) for option in (*options, "--key", self.key_path, "--size", size, *more)]

    def agent(self, server: str, *more: object, size: int = 160, clock: Path | None = None) -> subprocess.Popen[bytes]:
        """Run `raypp stream`; with `clock`, all its clocks are wrong by the seconds in that file."""
        options = self.options(server, *more, size=size)
        wrong = {"PYTHONPATH": str(ROOT / "tests/edge/wrong_clock"), "WRONG_CLOCK": str(clock)} if clock else {}
        with self.log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.edge.run_agent", *options],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"COLUMNS": "300"} | wrong,
            )
        self.running.append(process)
        return process

    def agent_here(
        self, server: str, cameras: dict[str, CameraSettings], config: Path | None = None, **options: Any
    ) -> "AgentHere":
        """An agent in a thread of the tests: what it does is the same, and it starts at once."""
        connection = ServiceConnection(server, self.token_path)
        settings = AgentSettings(SITE, connection, self.key_path, self.spool, **({"size": 160} | options))
        agent = AgentHere(settings, cameras, self.log_path, config)
        self.here.append(agent)
        return agent

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def close(self) -> None:
        for agent in self.here:
            agent.stop()
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    this_site = Site(tmp_path)
    yield this_site
    this_site.close()


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    with Service(site.veil_id, size=160) as running:
        yield running
