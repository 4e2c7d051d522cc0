"""A Ray of this machine alone: on loopback, with files that nobody else may read, and quiet at its start and end."""

import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from jobs.agent_ports import name_agent_ports
from jobs.exporters import export_at
from raypp.errors import RayppError
from raypp.serving.metrics_address import MetricsAddress

if TYPE_CHECKING:
    from ray.job_config import JobConfig

_NOISE = re.compile(rb"logging\.cc:\d+: Set ray log level|retries remaining.*ray\.kill|8\.8\.8\.8")
"""Lines of Ray that no user of raypp can act on: its own log level, actors that we ourselves end."""

_LISTENING = "0A"
_FOR_CLUSTERS = ("start_monitor", "start_log_monitor", "start_api_server")
"""What Ray starts first on any machine, each a Python of its own: the autoscaler, what forwards logs to drivers (ours
want none), and what a dashboard and submitted jobs need. Without them a local Ray starts two seconds sooner."""


def keep_local(*, metrics: MetricsAddress | None = None) -> str:
    """Have the Ray that this process starts next live on loopback, alone, and return the folder for its files.

    Ray has one switch for that, which is named after the systems where it is the default. Without it Ray asks for the
    way to a public address to learn this machine's own, and its ports listen on all interfaces.

    Args:
        metrics: where and to whom it exports metrics; None for nowhere.

    Raises:
        RayppError: if the folder is somebody else's.
    """
    from ray._private import ray_constants  # noqa: PLC0415 - Ray reads the environment when it is imported
    from ray._private.node import Node  # noqa: PLC0415

    for start in _FOR_CLUSTERS:
        setattr(Node, start, _start_nothing)
    name_agent_ports()
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"  # for the processes that it starts
    ray_constants.ENABLE_RAY_CLUSTER = False
    if metrics is None:
        os.environ.setdefault("RAY_enable_metrics_collection", "0")
    else:
        export_at(metrics)
    return str(_own_folder() / "ray")  # Ray opens the folder that it is given to everybody, not the one around it


def _start_nothing(*_: object, **__: object) -> None:
    """Stand where `Node` would start a process."""


class _NoPaths(list[str]):
    """Stays empty, whatever it is told to take in."""

    def extend(self, _paths: Iterable[str]) -> None:
        """Take nothing in."""


def with_own_code_alone() -> "JobConfig":
    """Settings of a job whose workers import from where Python is installed alone.

    Ray puts the folder that one works in, and the program's, before all others on the path of its workers, and workers
    hold keys: whoever delivered that folder could run what they like there, by a file that is named as some library.
    Ray has no switch for that but to upload the folder.
    """
    from ray.job_config import JobConfig  # noqa: PLC0415 - Ray reads the environment when it is imported

    config = JobConfig()
    config._py_driver_sys_path = _NoPaths()  # noqa: SLF001
    return config


def _own_folder() -> Path:
    """A folder for sessions, that only this account can enter; named short, since sockets lie in it."""
    base = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - as Ray chooses it
    folder = Path(base).absolute() / f"raypp-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
    except OSError as error:
        words = f"{folder}, for Ray's files: {error.strerror}; name another folder by RAY_TMPDIR"
        raise RayppError(words) from None
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise RayppError(
            f"{folder}, for Ray's files, is not this account's alone; remove it, or name another by RAY_TMPDIR"
        )
    return folder


def session_folder() -> Path:
    """Where the running Ray keeps what this session leaves, such as logs."""
    import ray  # noqa: PLC0415

    node: Any = ray._private.worker._global_node  # noqa: SLF001 - it is told nowhere else
    return Path(node.get_session_dir_path())


def listens_everywhere(port: int) -> bool:
    """Whether something on this machine listens on a TCP port of all interfaces; False where Linux does not tell."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for _, address, _, state, *_ in map(str.split, rows):
            host, _, number = address.partition(":")
            if state == _LISTENING and int(number, 16) == port and set(host) == {"0"}:
                return True
    return False


@contextmanager
def without_noise() -> Iterator[None]:
    """Keep what Ray writes to the standard streams within the block, and write it at its end without `_NOISE`.

    Ray's core writes to the file descriptors, past Python's streams. Nothing of ours is written within the block.
    """
    with _kept(1, sys.stdout), _kept(2, sys.stderr):
        yield


@contextmanager
def _kept(number: int, stream: TextIO) -> Iterator[None]:
    stream.flush()
    with tempfile.TemporaryFile() as kept:
        shown = os.dup(number)
        os.dup2(kept.fileno(), number)
        try:
            yield
        finally:
            stream.flush()
            os.dup2(shown, number)
            os.close(shown)
            kept.seek(0)
            noise = False
            for line in kept:
                noise = bool(_NOISE.search(line)) or (noise and not line.strip())  # and the blank line behind it
                if not noise:
                    os.write(number, line)
