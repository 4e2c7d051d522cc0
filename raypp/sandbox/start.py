"""Begin a program inside the sandbox, and hand its declared files out when it has ended.

This file runs in there, by itself: it imports nothing of raypp, and little else, since each start waits for it. Its
argument is JSON, see `raypp.sandbox.launch`. The files leave by a pipe, so nobody outside opens a path of the sandbox.
"""

import contextlib
import json
import os
import resource
import select
import signal
import stat
import sys
import time

_SET_DUMPABLE = 4  # PR_SET_DUMPABLE
_LOOKS_EACH_MS = 200
TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` would take a while to import
    from typing import Any


def _shut_in(inside: "dict[str, Any]") -> None:
    """Set the limits that this process and its children cannot raise again, and stop being root."""
    megabyte = 1 << 20
    bounds = {
        resource.RLIMIT_AS: inside["memory_mb"] * megabyte,
        resource.RLIMIT_NPROC: inside["processes"],
        resource.RLIMIT_FSIZE: inside["scratch_mb"] * megabyte,
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: megabyte,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for which, most in bounds.items():
        resource.setrlimit(which, (most, most))
    if inside["uid"]:
        os.setgroups([])
        os.setresgid(inside["uid"], inside["uid"], inside["uid"])
        os.setresuid(inside["uid"], inside["uid"], inside["uid"])
    else:
        _close_to_others()


def _close_to_others() -> None:
    """Let no process of this user read this one's memory, files or environment, as the change of user does."""
    import ctypes  # noqa: PLC0415 - takes a while

    if ctypes.CDLL(None, use_errno=True).prctl(_SET_DUMPABLE, 0, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def _wait(child: int, pipe: int, seconds: float) -> int | None:
    """Return how the program ended: its exit status, minus its signal, or None if its time ran out.

    Nobody waits for an end that comes because nobody outside reads the pipe any more.
    """
    descriptor = os.pidfd_open(child)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.register(pipe, 0)  # tells of its other end alone
    until = time.monotonic() + seconds
    ready: list[int] = []
    while not ready and (left := until - time.monotonic()) > 0:
        ready = [number for number, _ in poll.poll(min(1000 * left, _LOOKS_EACH_MS))]
        _bury(child)
    if ready != [descriptor]:
        return None
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _bury(child: int) -> None:
    """Take ended processes off the list whose parents ended before: as the first process, this one inherits them."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid != child:
            os.waitpid(ended.si_pid, 0)


def _read(path: str, most: int) -> tuple[bytes, str]:
    """Return a file's content and what it is: `file`, `link`, `other` or `large`."""
    kind = os.lstat(path).st_mode
    if not stat.S_ISREG(kind):
        return b"", "link" if stat.S_ISLNK(kind) else "other"
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(most + 1)
    return (b"", "large") if len(content) > most else (content, "file")


def _hand_out(inside: "dict[str, Any]", ended: int | None) -> None:
    """Write what ended and which files there are, in one line of JSON, and then the files."""
    names = sorted(os.listdir("/out"))
    undeclared = len(set(names) - set(inside["outputs"]))
    files = {name: _read(f"/out/{name}", inside["output_bytes"]) for name in inside["outputs"] if name in names}
    line = {
        "ended": ended,
        "undeclared": undeclared,
        "files": [[name, kind, len(content)] for name, (content, kind) in files.items()],
    }
    with os.fdopen(inside["pipe"], "wb") as pipe:
        pipe.write(json.dumps(line).encode() + b"\n")
        for content, _ in files.values():
            pipe.write(content)


def _main() -> None:
    inside = json.loads(sys.argv[1])
    _shut_in(inside)
    child = os.fork()
    if child:
        ended = _wait(child, inside["pipe"], inside["seconds"])
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # whatever the program has left running: all but this process and the first
        _hand_out(inside, ended)
        return
    os.close(inside["pipe"])
    os.chdir("/tmp")
    entry = f"/program/{inside['entry']}"
    sys.argv = [entry]
    sys.path[:0] = ["/program", "/wheels", "/packages"]
    with open(entry, "rb") as file:
        code = compile(file.read(), entry, "exec")
    exec(code, {"__name__": "__main__", "__file__": entry, "__builtins__": __builtins__})


_main()
