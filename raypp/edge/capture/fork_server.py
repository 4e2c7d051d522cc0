"""Where capture processes come from: one small process that has loaded all they need, and forks.

The agent itself holds threads and gRPC, and must not fork; a Python started anew for each camera would take 50 MB each.
What is forked here shares its pages.
"""

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from threading import Lock
from typing import NoReturn

from raypp.edge.capture.job import CaptureJob
from raypp.errors import SiteError

_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
_ANSWER_S = 60.0


class Child:
    """A capture process, as the agent sees it.

    Attributes:
        pid: its number.
        connection: gives reports; takes orders.
    """

    def __init__(self, fork_server: "ForkServer", pid: int, connection: Connection) -> None:
        self.pid = pid
        self.connection = connection
        self._fork_server = fork_server

    def end(self) -> None:
        """Kill it if it still runs, and clear it away."""
        self.connection.close()
        self._fork_server.end(self.pid)


class ForkServer:
    """Starts and ends capture processes; safe for several threads. It is started itself when it is needed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._socket: socket.socket | None = None

    def start(self, job: CaptureJob) -> Child:
        """Start capturing; raises SiteError if no process can be started."""
        with self._lock:
            for _ in range(2):
                try:
                    return self._start(job)
                except (OSError, EOFError):
                    self._discard()
            raise SiteError("no capture process can be started; see to memory and the limit of processes")

    def end(self, pid: int) -> None:
        """Kill a process that was started here, and clear it away."""
        with self._lock:
            if self._connection is None:
                return
            try:
                self._connection.send_bytes(b"E" + str(pid).encode())
                self._answer()
            except (OSError, EOFError):
                self._discard()

    def close(self) -> None:
        """End it, and with it all that it started."""
        with self._lock:
            self._discard()

    def _start(self, job: CaptureJob) -> Child:
        if self._connection is None or self._socket is None:
            self._open()
        assert self._connection is not None  # noqa: S101 - made above
        assert self._socket is not None  # noqa: S101
        ours, theirs = socket.socketpair()
        try:
            self._connection.send_bytes(b"S" + pickle.dumps(job))
            socket.send_fds(self._socket, [b"F"], [theirs.fileno()])
            pid = int(self._answer())
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return Child(self, pid, Connection(ours.detach()))

    def _answer(self) -> bytes:
        assert self._connection is not None  # noqa: S101 - the caller has just used it
        if not self._connection.poll(_ANSWER_S):
            raise OSError
        return self._connection.recv_bytes()

    def _open(self) -> None:
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "raypp.edge.capture.fork_server", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=os.environ | _ONE_THREAD,
            start_new_session=True,
        )
        theirs.close()
        self._socket = ours
        self._connection = Connection(os.dup(ours.fileno()))

    def _discard(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._connection = self._socket = None


def serve(descriptor: int) -> None:
    """Fork a capture process for each request, until the agent is gone."""
    from raypp.edge.capture import process as capturing  # noqa: PLC0415 - all that captures need, loaded once, before forking

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the agent decides what ends, and tells
    plain = socket.socket(fileno=os.dup(descriptor))
    connection = Connection(descriptor)
    while True:
        try:
            request = connection.recv_bytes()
        except (EOFError, OSError):
            return
        if request[:1] == b"E":
            _end(int(request[1:]))
            connection.send_bytes(b"0")
            continue
        _, (given, *_), _, _ = socket.recv_fds(plain, 1, 1)
        pid = os.fork()
        if pid == 0:
            plain.close()
            connection.close()
            _be_child(capturing.capture, pickle.loads(request[1:]), given)  # noqa: S301 - the agent sent it
        os.close(given)
        connection.send_bytes(str(pid).encode())


def _be_child(work: Callable[[CaptureJob, Connection], None], job: CaptureJob, descriptor: int) -> NoReturn:
    status = 1
    try:
        work(job, Connection(descriptor))
        status = 0
    except (BrokenPipeError, ConnectionResetError, EOFError):
        status = 0  # the agent is gone
    except BaseException as error:  # noqa: BLE001 - nothing may unwind into the process that forks
        sys.stderr.write(f"raypp capture of {job.camera}: {type(error).__name__}\n")
    finally:
        os._exit(status)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        return


if __name__ == "__main__":
    serve(int(sys.argv[1]))
