"""Actors that rows of work are handed to, any of which may be lost with its node: another does what it had."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple

import ray
from ray.exceptions import NodeDiedError, ObjectLostError, OutOfMemoryError, RayActorError, RayTaskError

from jobs.failed_starts import FailedStarts
from jobs.start_deadline import StartDeadline, lack_of_room
from raypp.cli.console import error_console, say
from raypp.errors import RayppError

_AHEAD = 2
"""Rows that a worker has at a time: the one it works on, and the next."""
_LOOK_S = 10.0
"""How often it is looked whether nodes have joined."""
_MOST_LOSSES = 10
"""So many workers that had the same row are lost by the row, and not by their nodes."""
_LOST = (RayActorError, ObjectLostError, OutOfMemoryError, NodeDiedError)


class _Row(NamedTuple):
    """A row, and how many workers were lost that had it."""

    content: bytes
    losses: int = 0


@dataclass(eq=False)
class _Worker:
    actor: Any
    begun: Any
    generation: int
    is_ready: bool = False
    rows: dict[Any, "_Row"] = field(default_factory=dict)

    def awaited(self) -> list[Any]:
        return [*self.rows] if self.is_ready else [self.begun]


class WorkerPool:
    """Workers on the connected Ray, as many as have room, and more as nodes join.

    A worker whose node is lost is not waited for, since the node may never return: others do what it had. One that has
    nothing to do as rows run out is ended, so that its node may go.

    Args:
        actor: class of the workers. Its method `begin()` makes one ready, `work(row, again)` returns bytes. `again`
            says that a lost worker had the row, and may have done some of it.
        arguments: of its constructor.
        most: workers at once; None for as many as the cluster has room for. Those that it has no room for wait, and
            an autoscaler adds nodes for them.
        gpus, cpus: of each worker.
    """

    def __init__(
        self, actor: type, arguments: Mapping[str, Any], most: int | None, gpus: float, cpus: float = 1
    ) -> None:
        self._actor: Any = ray.remote(actor).options(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)
        self._arguments = arguments
        self._most = most
        self._each = {"CPU": cpus, "GPU": gpus}
        self._room, self._looked_at = 0, -_LOOK_S
        self._workers: list[_Worker] = []
        self._failed_starts = FailedStarts()
        self._fresh: Iterator[bytes] = iter(())
        self._todo: deque[_Row] = deque()

    def map(self, rows: Iterable[bytes]) -> Iterator[bytes]:
        """Hand out rows, in their order; yields what comes of each, as it comes.

        Raises:
            RayppError: as a worker raised it, or if workers die as they start, or of a row.
        """
        self._fresh = iter(rows)
        deadline = StartDeadline()
        try:
            while True:
                self._hand_out()
                self._fit()
                worker_of = {ref: worker for worker in self._workers for ref in worker.awaited()}
                if not worker_of:
                    return
                done, _ = ray.wait(list(worker_of), timeout=_LOOK_S)
                for ref in done:
                    worker = worker_of[ref]
                    if worker in self._workers:  # else another outcome has told that it is lost
                        yield from self._outcomes(worker, ref)
                if deadline.has_passed(any(worker.is_ready for worker in self._workers)):
                    self._warn()
        finally:
            while self._workers:
                self._end(self._workers[0])

    def room(self) -> int:
        """How many workers there may be, as of a few seconds ago."""
        if monotonic() - self._looked_at > _LOOK_S:
            resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
            kind = "GPU" if self._each["GPU"] else "CPU"
            room = resources.get(kind, 0) / self._each[kind]
            self._room, self._looked_at = self._most or max(1, int(room)), monotonic()
        return self._room

    def _more(self, rows: int = 1) -> int:
        """Return how many rows wait, as soon as there are so many, or no more."""
        self._todo.extend(_Row(row) for row in islice(self._fresh, max(0, rows - len(self._todo))))
        return len(self._todo)

    def _hand_out(self) -> None:
        for turn in range(_AHEAD):  # the first row of each before the second of any
            for worker in self._workers:
                if worker.is_ready and len(worker.rows) == turn and self._more():
                    row = self._todo.popleft()
                    worker.rows[worker.actor.work.remote(row.content, row.losses > 0)] = row

    def _fit(self) -> None:
        """Start workers for rows that wait, and end those that have nothing where none waits."""
        if not self._more():
            for worker in [worker for worker in self._workers if not worker.rows]:
                self._end(worker)
            return
        starting = sum(not worker.is_ready for worker in self._workers)
        missing = self.room() - len(self._workers)
        for _ in range(min(missing, self._more(starting + missing) - starting)):
            actor = self._actor.remote(**self._arguments)
            self._workers.append(_Worker(actor, actor.begin.remote(), self._failed_starts.generation))

    def _warn(self) -> None:
        """Say what workers wait for."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
        free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
        say(error_console("WARNING"), [lack_of_room(self._each, nodes, free)])

    def _outcomes(self, worker: _Worker, ref: Any) -> Iterator[bytes]:
        """Take what has come of a row, or of a worker's start."""
        try:
            outcome = ray.get(ref)
        except _LOST:
            self._replace(worker)
            return
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, RayppError) else error from None
        if ref is worker.begun:
            worker.is_ready = True
            self._failed_starts.began()
            return
        del worker.rows[ref]
        yield outcome

    def _replace(self, worker: _Worker) -> None:
        rows = [_Row(row.content, row.losses + 1) for row in worker.rows.values()]
        if any(row.losses == _MOST_LOSSES for row in rows):
            words = f"{_MOST_LOSSES} workers, one after another, died of the same work; see Ray's logs of them"
            raise RayppError(f"{words}, and whether the nodes have memory")
        self._todo.extendleft(reversed(rows))
        self._end(worker)
        if not worker.is_ready:
            self._failed_starts.failed(worker.generation)

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        ray.kill(worker.actor)
