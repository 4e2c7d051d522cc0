"""Batches of segments: what a worker is handed at a time, so that handing over costs little and nobody waits."""

import zlib
from collections.abc import Callable, Iterator, Sequence

from pydantic import TypeAdapter

from raypp.ingest.attempts import Attempt
from raypp.ingest.segment import Segment

BATCH_S = 10.0
"""Longest expected work of a batch of several segments, in seconds: so long its outcomes are untold."""
_LEAST_S = 0.5
_TURNS = 4
_BATCH: TypeAdapter[tuple[Segment, ...]] = TypeAdapter(tuple[Segment, ...])
_OUTCOMES: TypeAdapter[list[Attempt]] = TypeAdapter(list[Attempt])


def batches(
    segments: Sequence[Segment], expected_seconds: Callable[[Segment], float], workers: int
) -> Iterator[tuple[Segment, ...]]:
    """Cut segments, in their order, into batches of about the same expected work.

    Work that is less than `_TURNS` batches for each worker is cut smaller, and so is the end of any work: workers end
    at about the same time. A segment of more work than a batch stays alone.

    Args:
        segments: the work.
        expected_seconds: about how long one core takes for a segment.
        workers: how many share the work.
    """
    left = sum(map(expected_seconds, segments))
    batch: list[Segment] = []
    filled = 0.0
    for segment in segments:
        seconds = expected_seconds(segment)
        goal = max(_LEAST_S, min(BATCH_S, left / (_TURNS * workers)))
        if batch and filled + seconds > goal:
            yield tuple(batch)
            left -= filled
            batch, filled = [], 0.0
        batch.append(segment)
        filled += seconds
    if batch:
        yield tuple(batch)


def batch_to_row(batch: Sequence[Segment]) -> bytes:
    """Return a batch as it goes to its worker: compressed, since all batches wait from the beginning."""
    return zlib.compress(_BATCH.dump_json(tuple(batch)))


def batch_of_row(row: bytes) -> tuple[Segment, ...]:
    """Read what `batch_to_row` made."""
    return _BATCH.validate_json(zlib.decompress(row))


def outcomes_to_row(outcomes: list[Attempt]) -> bytes:
    """Return the outcomes of a batch as they come back from its worker."""
    return _OUTCOMES.dump_json(outcomes)


def outcomes_of_row(row: bytes) -> list[Attempt]:
    """Read what `outcomes_to_row` made."""
    return _OUTCOMES.validate_json(row)
