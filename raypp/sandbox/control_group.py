"""Bounds of all processes of a sandbox together: a control group, where this process may make one."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")
_PREFIX = "raypp-sandbox-"
_WAITS_S = 2.0


def group_bounds(memory_mb: int, processes: int, *, unified: bool) -> dict[str, dict[str, int]]:
    """Return what is written to which file of which controller.

    Args:
        memory_mb: of all processes together, what is in memory of their files included.
        processes: at once.
        unified: whether for version 2 of control groups.
    """
    memory = memory_mb << 20
    if unified:
        return {"": {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes}}
    return {"memory": {"memory.limit_in_bytes": memory}, "pids": {"pids.max": processes}}


@contextlib.contextmanager
def control_group(bounds: Mapping[str, Mapping[str, int]], root: Path = CONTROL_GROUPS) -> Iterator[tuple[Path, ...]]:
    """Make groups with bounds, and remove them at the end; what is not allowed here is left out.

    Args:
        bounds: as `group_bounds` gives them.
        root: where control groups are mounted.

    Returns:
        The folders of those that bind: a process joins one when its number is written to `cgroup.procs` there.
    """
    _sweep(root, bounds)
    name = f"{_PREFIX}{os.getpid()}-{secrets.token_hex(6)}"
    folders = []
    for controller, values in bounds.items():
        place = root / controller / name
        try:
            place.mkdir()
        except OSError:
            continue
        try:
            for file, value in values.items():
                if (place / file).exists() or file != "memory.swap.max":
                    (place / file).write_text(str(value))
        except OSError:
            place.rmdir()
            continue
        folders.append(place)
    try:
        yield tuple(folders)
    finally:
        for place in folders:
            _remove(place)


def is_unified(root: Path = CONTROL_GROUPS) -> bool:
    """Whether this machine has version 2 of control groups alone."""
    return (root / "cgroup.controllers").exists()


def _sweep(root: Path, controllers: Iterable[str]) -> None:
    """Remove groups that processes which are gone left behind; one that still holds something stays."""
    for controller in controllers:
        for place in (root / controller).glob(f"{_PREFIX}*"):
            process = place.name.removeprefix(_PREFIX).partition("-")[0]
            if not Path("/proc", process).exists():
                with contextlib.suppress(OSError):
                    place.rmdir()


def _remove(place: Path) -> None:
    """Remove a group; its last process may take a moment to be gone."""
    until = time.monotonic() + _WAITS_S
    while True:
        try:
            place.rmdir()
        except OSError:
            if time.monotonic() > until or not os.path.lexists(place):
                return
            time.sleep(0.01)
        else:
            return
