"""The command that starts a sandbox: bubblewrap, with all that a program may see."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from raypp.sandbox.host import SandboxHost, is_root_of_all_users, isolation
from raypp.sandbox.limits import SandboxLimits

_FIRST_UID = 1_879_048_192
"""From here on, no system gives numbers to users or containers."""
_START = Path(__file__).with_name("start.py")
_JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'
_OWN_PROCESSES = 3  # bubblewrap outside and inside, and what hands the files out


@dataclass(frozen=True)
class SandboxProgram:
    """A program, as folders that it may read.

    Attributes:
        code: its files, at `/program` inside.
        wheels: further packages, at `/wheels`; None for none.
        data: what it works on, at `/data`.
        entry: the file of `code` that is run.
        outputs: names of the files of `/out` that leave.
    """

    code: Path
    wheels: Path | None
    data: Path
    entry: str
    outputs: tuple[str, ...]


class Descriptors(NamedTuple):
    """Numbers of the open files that bubblewrap inherits: the filter of system calls, and what files leave by."""

    rules: int
    out: int


def sandbox_command(
    host: SandboxHost,
    program: SandboxProgram,
    limits: SandboxLimits,
    groups: Sequence[Path],
    descriptors: Descriptors,
) -> list[str]:
    """Return the command.

    Args:
        host: what this machine has.
        program: what is run.
        limits: its bounds.
        groups: control groups that all of it joins.
        descriptors: what it inherits.
    """
    megabytes = str(limits.scratch_mb << 20)
    binds = [(path, path) for path in host.system]
    binds += [(program.code, Path("/program")), (program.data, Path("/data")), (_START, Path("/start.py"))]
    binds += [(folder, Path("/packages", folder.name)) for folder in host.packages]
    if program.wheels is not None:
        binds.append((program.wheels, Path("/wheels")))
    command = [host.bwrap, *isolation(), "--die-with-parent", "--new-session", "--clearenv"]
    for name, value in _ENVIRONMENT.items():
        command += ["--setenv", name, value]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for scratch in ("/dev/shm", "/tmp"):  # noqa: S108 - inside
        command += ["--size", megabytes, "--perms", "1777", "--tmpfs", scratch]
    out = (limits.output_kb << 10) * (len(program.outputs) + 1) + (1 << 16)
    command += ["--size", str(out), "--perms", "1777", "--tmpfs", "/out"]
    # Folders above would be closed to all but root. After the scratch space: an interpreter may lie below it.
    mounted = {Path("/"), Path(_ENVIRONMENT["HOME"])}
    for folder in sorted({above for _, place in binds for above in place.parents} - mounted):
        command += ["--perms", "0755", "--dir", str(folder)]
    for source, place in binds:
        command += ["--ro-bind", str(source), str(place)]
    for mounted_on in ("/proc", "/dev", "/"):
        command += ["--remount-ro", mounted_on]
    command += ["--seccomp", str(descriptors.rules)]
    command += [
        "--",
        host.python,
        "-I",
        "-S",
        "-B",
        "/start.py",
        json.dumps(_inside(program, limits) | {"pipe": descriptors.out}),
    ]
    joined = [str(group) for group in groups]
    return ["/bin/sh", "-c", _JOIN, "sh", *joined, "--", *command] if joined else command


def processes_in_all(limits: SandboxLimits) -> int:
    """Return how many processes a control group must let in."""
    return limits.processes + _OWN_PROCESSES


def _inside(program: SandboxProgram, limits: SandboxLimits) -> dict[str, object]:
    return {
        "entry": program.entry,
        "outputs": list(program.outputs),
        "seconds": limits.seconds,
        "memory_mb": limits.memory_mb,
        "processes": limits.processes + 1,
        "scratch_mb": limits.scratch_mb,
        "output_bytes": limits.output_kb << 10,
        # A user of its own, so that its processes are counted by themselves, and no file of the machine is its own.
        "uid": _FIRST_UID + secrets.randbelow(1 << 24) if is_root_of_all_users() else 0,
    }


_ENVIRONMENT: Final = {
    "HOME": "/tmp",  # noqa: S108 - inside
    "LANG": "C.UTF-8",
    "PATH": "/nowhere",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
