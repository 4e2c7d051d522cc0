"""A real PgBouncer for tests, in transaction mode, before a PostgreSQL of `tests.ledger.postgres`."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

import pytest

from tests.ledger.postgres import PostgresServer

_PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_NOBODY = 65534
_UP_WITHIN_S = 20


class Pooler:
    """A PgBouncer that runs while this is entered, reached by its socket; as root it would refuse to.

    Args:
        server: what it pools.
        settings: of pgbouncer.ini, beside those of a test.
    """

    @staticmethod
    def is_installed() -> bool:
        """Whether this machine has the program."""
        return _PROGRAM is not None

    def __init__(self, server: PostgresServer, **settings: object) -> None:
        if not self.is_installed():
            pytest.skip("PgBouncer is not installed; install it with: apt-get install pgbouncer")
        self._server = server
        self._folder = server.folder / "pooler"
        self._settings = {"default_pool_size": 2} | settings

    def __enter__(self) -> Self:
        self._folder.mkdir()
        users = self._folder / "users.txt"
        users.write_text('"raypp" ""\n')
        settings = {
            "listen_addr": "",
            "unix_socket_dir": self._folder,
            "auth_type": "trust",
            "auth_file": users,
            "pool_mode": "transaction",
            "pidfile": self._folder / "pid",
            "logfile": self._folder / "log",
            **self._settings,
        }
        lines = ["[databases]", f"* = host={self._server.folder} port=5432", "[pgbouncer]"]
        (self._folder / "pgbouncer.ini").write_text("\n".join(lines + [f"{k} = {v}" for k, v in settings.items()]))
        if os.getuid() == 0:
            for path in (self._folder, *self._folder.iterdir()):
                os.chown(path, _NOBODY, _NOBODY)
        self.start()
        return self

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [str(_PROGRAM), str(self._folder / "pgbouncer.ini")]
        if os.getuid() == 0:
            command = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", *command]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + _UP_WITHIN_S
        while not self._listens():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < until, (self._folder / "log").read_text()
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Kill it, as a crash would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._socket.unlink(missing_ok=True)
        (self._folder / "pid").unlink(missing_ok=True)

    def url(self, database: str) -> str:
        """Return the URL of a database, of `PostgresServer.database`, by way of the pooler."""
        return f"postgresql+psycopg://raypp@/{self._server.name_of(database)}?host={self._folder}&port=6432"

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:  # the file is there a moment before anybody listens
            return probe.connect_ex(str(self._socket)) == 0

    @property
    def _socket(self) -> Path:
        return self._folder / ".s.PGSQL.6432"
