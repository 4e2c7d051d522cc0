"""Processes that have their libraries already: forks of one that has imported them and does nothing else.

A command in a process of its own spends up to five seconds on imports alone, and tests run hundreds. Each of these
forks is a process like any other, with its own environment, folder, streams and exit status; only imports are not
repeated. Tests of examples, of the first import and of the installed command start Python anew.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
ALL = (
    "pandas", "scipy.optimize", "torch._dynamo", "torchvision", "raypp.compare.comparison", "raypp.compare.task",
    "raypp.evaluate.run", "raypp.fit.run", "raypp.ingest.run", "raypp.ledger.letters", "raypp.alerts.webhook",
    "raypp.shards.verification", "raypp.train.local",
)  # fmt: skip
"""What commands load as they run. Ray is none of it, which reads the environment when it is imported."""
LIGHT = ("raypp.cli.app", "raypp.cli.commands")
"""What every command loads before it is known which it is: for tests of what is loaded after."""
_MOST_BYTES = 1 << 20
_LOCK = threading.Lock()


def run_forked(
    code: str,
    arguments: list[str],
    env: dict[str, str],
    cwd: Path | None,
    timeout: float,
    libraries: tuple[str, ...] = ALL,
) -> subprocess.CompletedProcess[str]:
    """Run a Python program, which finds its arguments in `sys.argv`, in a fork of a process with some libraries.

    Raises:
        subprocess.TimeoutExpired: if it does not end in time; it is killed.
    """
    reads, status = os.pipe()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, os.fdopen(reads, "rb") as answer:
        request = json.dumps({"code": code, "arguments": arguments, "env": env, "cwd": str(cwd or Path.cwd())})
        with _LOCK:
            socket.send_fds(_server(libraries), [request.encode()], [out.fileno(), err.fileno(), status])
        os.close(status)
        process = int(answer.readline())
        if not select.select([answer], [], [], timeout)[0]:
            os.kill(process, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, timeout)
        returned = os.waitstatus_to_exitcode(int(answer.readline()))
        outputs = []
        for stream in (out, err):
            stream.seek(0)
            outputs.append(stream.read().decode())
    return subprocess.CompletedProcess(arguments, returned, *outputs)


@cache
def _server(libraries: tuple[str, ...]) -> socket.socket:
    """Start the process with some libraries; it ends with this one."""
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-P", "-m", __name__, str(there.fileno()), *libraries]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    server = subprocess.Popen(command, env=env, pass_fds=[there.fileno()], stdin=subprocess.DEVNULL)
    there.close()

    def end() -> None:
        here.close()
        server.wait()

    atexit.register(end)
    return here


def _serve(channel: socket.socket, libraries: list[str]) -> None:
    for name in libraries:
        import_module(name)
    while True:
        request, files, _, _ = socket.recv_fds(channel, _MOST_BYTES, 3)
        if not request:
            return
        supervisor = os.fork()
        if not supervisor:
            channel.close()
            _supervise(json.loads(request), *files)
        for file in files:
            os.close(file)
        os.waitpid(supervisor, 0)


def _supervise(request: dict[str, Any], out: int, err: int, status: int) -> NoReturn:
    """Leave the server, so that it can go on, and tell the process of the program and how it ended."""
    if os.fork():
        os._exit(0)
    process = os.fork()
    if not process:
        os.close(status)
        _run(request, out, err)
    os.write(status, f"{process}\n".encode())
    os.write(status, f"{os.waitpid(process, 0)[1]}\n".encode())
    os._exit(0)


def _run(request: dict[str, Any], out: int, err: int) -> NoReturn:
    """Be the program."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.environ.clear()
    os.environ.update(request["env"])
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `import raypp` does, which is not done again
    os.chdir(request["cwd"])
    sys.argv = ["-c", *request["arguments"]]
    code: Any = 0
    try:
        exec(request["code"], {"__name__": "__main__"})  # noqa: S102 - a test's own program
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as any interpreter does
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
        code = 1
    threading._shutdown()  # as any interpreter ends
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _channel:
        _serve(_channel, sys.argv[2:])
