"""Look into new videos of an archive on Ray: batches of them a task, in the order in which they were found."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import ray

from jobs.cluster import connect
from raypp.errors import RayppError
from raypp.execution import ExecutionSettings
from raypp.ingest.probing import Outcome, SourceGroup, in_order, probe_batch, probe_here
from raypp.ingest.settings import VeilSettings
from raypp.media.source import SourceKind
from raypp.veil.key import Keyring

_EACH = 16
"""Videos of a task; this process looks into fewer sooner than a worker does."""
_AHEAD = 64
_RETRIES = 1
_DIED = (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError)

Batch = list[SourceGroup]


def probe_on_ray(
    groups: Iterable[SourceGroup], settings: VeilSettings, key: Keyring, execution: ExecutionSettings
) -> Iterator[tuple[SourceGroup, list[Outcome]]]:
    """Look into sources, videos on a Ray cluster where they are many, and images here; yields them in order.

    A video whose worker dies of it each time counts as one that cannot be opened.

    Args:
        groups: the sources.
        settings: of the job; workers read the key file that they name.
        key: for what is looked into here.
        execution: which Ray.

    Raises:
        RayppError: what looking into them raises in this process.
    """
    text = settings.model_dump_json()
    look = ray.remote(probe_batch).options(max_retries=_RETRIES)

    def begin(batch: Batch) -> Callable[[], list[list[Outcome]]]:
        if _videos(batch) < _EACH:
            return lambda: [outcomes for _, outcomes in probe_here(batch, settings, key)]
        connect(execution.address, pools=True)
        sent = look.remote(text, batch)
        return lambda: _outcomes(look, sent, text, batch)

    for batch, outcomes in in_order(_batches(groups), begin, _AHEAD):
        yield from zip(batch, outcomes, strict=True)


def _batches(groups: Iterable[SourceGroup]) -> Iterator[Batch]:
    """Gather groups that follow one another: videos until they make a task, and images one by one."""
    batch: Batch = []
    for group in groups:
        if group.kind is not SourceKind.VIDEO:
            yield from filter(None, (batch, [group]))
            batch = []
            continue
        batch.append(group)
        if _videos(batch) >= _EACH:
            yield batch
            batch = []
    if batch:
        yield batch


def _videos(batch: Sequence[SourceGroup]) -> int:
    return sum(len(group.names) for group in batch if group.kind is SourceKind.VIDEO)


def _outcomes(look: Any, sent: Any, text: str, batch: Batch) -> list[list[Outcome]]:
    """Wait for a batch; where its worker died, look into its videos one by one."""
    try:
        return _got(sent)
    except _DIED:
        alone = [[group.at([place]) for place in range(len(group.names))] for group in batch]
        tasks = [[look.remote(text, [single]) for single in singles] for singles in alone]
        return [[_outcome(task) for task in some] for some in tasks]


def _outcome(task: Any) -> Outcome:
    try:
        return _got(task)[0][0]
    except _DIED:
        return "the process that opens it dies; convert the video, or leave it out"


def _got(task: Any) -> list[list[Outcome]]:
    """Wait for a task; raises an error of ours as it was raised there."""
    try:
        outcomes: list[list[Outcome]] = ray.get(task)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, RayppError):
            raise error.cause from None
        raise
    return outcomes
