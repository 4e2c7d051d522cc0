"""Where work runs, in this process or on Ray, and how that is chosen."""

import os
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from importlib.metadata import entry_points
from importlib.util import find_spec
from math import inf
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from raypp.errors import OptionError, RayppError
from raypp.io.settings import FrozenSettings

_RAY_STARTS_S = 13.0
"""About how long a local Ray and its first workers take to start.

Measured, as the paces of work are: see docs/contributing/decisions/where-work-runs.md.
"""

Task = ParamSpec("Task")
Outcome = TypeVar("Outcome", covariant=True)  # noqa: PLC0105 - as the parameters that it stands beside


class Executor(Protocol[Task, Outcome]):
    """Does one kind of work somewhere, in this process or on Ray, and returns or yields what comes of it."""

    def __call__(self, *task: Task.args, **named: Task.kwargs) -> Outcome:
        """Do the work."""
        ...


class On(StrEnum):
    """Where work runs."""

    AUTO = "auto"
    LOCAL = "local"
    RAY = "ray"


class ExecutionSettings(FrozenSettings):
    """Where work is asked to run, and how much of Ray it may take.

    Attributes:
        on: this process, Ray, or whichever ends sooner. What is asked for below means Ray.
        address: of a running Ray; None for that of RAY_ADDRESS, or a local one.
        workers: most workers at once; None for as many as there is room for. One alone needs no Ray.
        cpus: CPUs of each worker; None for one.
        gpus: GPUs of each worker; None for none.
    """

    on: On = On.AUTO
    address: str | None = None
    workers: int | None = None
    cpus: float | None = None
    gpus: float | None = None

    @classmethod
    def of(cls, on: "str | ExecutionSettings") -> "ExecutionSettings":
        """Return settings as they are, or those of a word; raises OptionError for any other word."""
        if isinstance(on, ExecutionSettings):
            return on
        if on not in set(On):
            raise OptionError(f"`on` {on!r} is none; give {', '.join(On)}, or an ExecutionSettings")
        return cls(on=On(on))

    def with_workers(self, workers: int) -> Self:
        """Return them for work whose own settings count its workers."""
        return self.model_copy(update={"workers": workers})

    def check(self, *taken: str) -> None:
        """Raise OptionError for values that contradict each other, or that this installation cannot meet.

        Args:
            taken: which of `workers`, `cpus` and `gpus` the work takes.
        """
        for name in {"workers", "cpus", "gpus"} - set(taken):
            if getattr(self, name) is not None:
                raise OptionError(f"`{name}` {getattr(self, name):g} is not for this work; leave it out")
        if self.workers is not None and self.workers < 1:
            raise OptionError(f"`workers` {self.workers} must be at least 1")
        reason = self._reason()
        if reason and self.on is On.LOCAL:
            raise OptionError(f"{reason} is of Ray, which `on` local does without; leave out the one or the other")
        if (reason or self.on is On.RAY) and not has_ray():
            raise OptionError(f"{reason or '`on` ray'} needs Ray; install raypp[cluster]")

    def choose(self, pieces: int = 1, seconds: float = inf, begun: On | None = None) -> On:
        """Choose between this process and Ray, and return `On.LOCAL` or `On.RAY`.

        What asks for Ray gets it. Else what was begun goes on where it was. Else a submitted job runs on Ray, and so
        does all where RAY_ADDRESS names one. A local Ray is started where it saves more time than its start takes:
        work of one piece uses all CPUs in this process as well.

        Args:
            pieces: how many independent pieces the work has.
            seconds: about how long they take one after another; infinite for far longer than Ray's start.
            begun: where an earlier run began the same work.

        Raises:
            OptionError: if it was begun on Ray, and there is none.
        """
        if self.on is not On.AUTO:
            return self.on
        if self._reason():
            return On.RAY
        if begun is not None:
            if begun is On.RAY and not has_ray():
                raise OptionError("what was begun on Ray goes on there; install raypp[cluster]")
            return begun
        if not has_ray():
            return On.LOCAL
        there = bool(_PROVIDED or os.environ.get("RAY_ADDRESS"))
        return On.RAY if there or _saved_s(pieces, seconds) > _RAY_STARTS_S else On.LOCAL

    @property
    def is_surely_ray(self) -> bool:
        """Whether work runs on Ray whatever it is."""
        return self.choose(seconds=0.0) is On.RAY

    @property
    def expected_workers(self) -> int:
        """About how many workers there will be: as many as asked for, one in this process alone, else one a CPU."""
        return 1 if self.on is On.LOCAL else self.workers or os.cpu_count() or 1

    def _reason(self) -> str:
        """Name what of these settings means Ray, with its value; empty if nothing does."""
        if self.address:
            return f"`address` {self.address}"
        if self.workers is not None and self.workers > 1:
            return f"`workers` {self.workers}"
        given = [name for name in ("cpus", "gpus") if getattr(self, name)]
        return f"`{given[0]}` {getattr(self, given[0]):g}" if given else ""


_PROVIDED: dict[str, Callable[..., Any]] = {}
"""In a submitted job: what does work on Ray, by the kind of work."""


def provide(work: str, execute: Callable[..., Any]) -> None:
    """Say that this process is a submitted job, which need not be installed, and what does its work on Ray."""
    _PROVIDED[work] = execute


def has_ray() -> bool:
    """Whether Ray is installed."""
    return find_spec("ray") is not None


def on_ray(work: str, execution: ExecutionSettings) -> Executor[..., Any]:
    """Return what does a kind of work on Ray; it is found by entry point, since the domain never imports Ray.

    Args:
        work: probe, veil, verify, rekey, forget, train, evaluate, fit, compare, audit or tool.
        execution: which Ray, and how much of it.

    Raises:
        RayppError: if the installation does not name it.
    """
    execute = _PROVIDED.get(work)
    if execute is None:
        executors = list(entry_points(group="raypp.executors", name=work))
        if not executors:
            raise RayppError(f"this installation of raypp does not name what runs {work} on Ray; install raypp again")
        execute = executors[0].load()
    return partial(execute, execution=execution)


def _saved_s(pieces: int, seconds: float) -> float:
    """How much sooner a local Ray would be done, without its start."""
    together = min(pieces, os.cpu_count() or 1)
    return 0.0 if together < 2 else seconds * (1 - 1 / together)
