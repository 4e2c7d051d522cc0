"""A host with what a tool might reach for."""

import os
import socket
import threading
from pathlib import Path


class ReachableHost:
    """Hold what a tool could reach: a server, sockets of this machine, a key, a process with an environment."""

    def __init__(self, folder: Path) -> None:
        self.calls: list[bytes] = []
        self.key = folder / "owner.key"
        self.key.write_text("hidden")
        self._sockets = [socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
        abstract = f"raypp-{os.getpid()}"
        for listening, address in zip(
            self._sockets, (("127.0.0.1", 0), str(folder / "socket"), f"\0{abstract}"), strict=True
        ):
            listening.bind(address)
            listening.listen()
            threading.Thread(target=self._serve, args=(listening,), daemon=True).start()
        port = self._sockets[0].getsockname()[1]
        self.targets = f"port={port} socket={folder / 'socket'} abstract={abstract} key={self.key}"

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                self.calls.append(connection.recv(10))

    def close(self) -> None:
        for listening in self._sockets:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
