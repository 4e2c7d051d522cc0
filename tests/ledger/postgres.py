"""A real PostgreSQL for tests, of the system's own package, in a folder of its own and reached by its socket."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import psutil
import pytest

from tests.ending import interrupt_on_sigterm

_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name), reverse=True)
_NOBODY = 65534
_QUIET = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}


class PostgresServer:
    """A server that runs while this is entered; initdb and postgres refuse to run as root, so they run as nobody.

    It has a session of its own. So that SIGTERM ends it, too, that interrupts the program from then on.
    """

    @staticmethod
    def is_installed() -> bool:
        """Whether this machine has the programs of a server."""
        return bool(_PLACES)

    def __init__(self, **settings: str) -> None:
        if not self.is_installed():
            pytest.skip("PostgreSQL is not installed; install it with: apt-get install postgresql")
        self._bin = _PLACES[0]
        self._settings = _QUIET | settings
        self.folder = Path(tempfile.mkdtemp(prefix="raypp-pg-"))
        self._made = 0

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            interrupt_on_sigterm()
        if os.getuid() == 0:
            os.chown(self.folder, _NOBODY, _NOBODY)
        try:
            self.run("initdb", "-D", self.folder / "data", "-U", "raypp", "-A", "trust", "--no-sync", "-E", "UTF8")
            self.start()
        except BaseException:
            with suppress(AssertionError):  # it may not run yet
                self.stop("immediate")
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server."""
        settings = {**self._settings, "unix_socket_directories": str(self.folder)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = self.folder / "log"
        self.run("pg_ctl", "-D", self.folder / "data", "-l", log, "-w", "-o", options, "start")

    def stop(self, how: str = "fast") -> None:
        """Stop the server; `immediate` is a crash."""
        self.run("pg_ctl", "-D", self.folder / "data", "-m", how, "-w", "stop")

    def processes(self) -> list[psutil.Process]:
        """List the server's processes, the main one first."""
        main = psutil.Process(int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0]))
        return [main, *main.children(recursive=True)]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the server stand still: what was sent to it is taken, and nothing is answered."""
        processes = self.processes()
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)

    def database(self, template: str = "template1") -> str:
        """Make a database, as a copy of another; return its URL."""
        self._made += 1
        name = f"ledger{self._made}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql+psycopg://raypp@/{name}?host={self.folder}"

    def drop(self, url: str) -> None:
        """Drop a database that `database` made."""
        self.sql("postgres", f"DROP DATABASE IF EXISTS {self.name_of(url)} WITH (FORCE)")

    @staticmethod
    def name_of(url: str) -> str:
        """Name of the database of a URL that `database` made."""
        return re.search(r"ledger\d+", url)[0]

    def sql(self, database: str, statement: str) -> str:
        """Run a statement with psql."""
        return self.run("psql", "-h", self.folder, "-U", "raypp", "-d", database, "-Atqc", statement)

    def run(self, program: str, *arguments: object) -> str:
        """Run a program of PostgreSQL as who the server runs as; returns what it prints."""
        command = [str(self._bin / program), *map(str, arguments)]
        if os.getuid() == 0:
            command = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *command]
        output = self.folder / "output"
        with output.open("w") as out:  # a pipe would be held open by the server that pg_ctl leaves behind
            done = subprocess.run(
                command,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
                cwd="/",
                stdin=subprocess.DEVNULL,
            )
        text = output.read_text()
        assert done.returncode == 0, f"{program}: {text}"
        return text.strip()
