"""Sets of moments as in `raypp.usage.spans`, as arrays: for hundreds of thousands of spans."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from raypp.usage.spans import Spans

SpanArray = npt.NDArray[np.int64]
"""Sorted, disjoint spans that do not touch: int64 [N, 2], start and end."""

_NEVER, _EVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def as_array(spans: Spans) -> SpanArray:
    """Return spans as an array."""
    return np.array(spans, np.int64).reshape(-1, 2)


def as_spans(spans: SpanArray) -> Spans:
    """Return an array as spans."""
    return tuple(zip(spans[:, 0].tolist(), spans[:, 1].tolist(), strict=True))


def at_least(number: int, sets: Sequence[SpanArray]) -> SpanArray:
    """Return the moments that are in so many of some sets, or more: in any (1), or in all (as many as there are)."""
    if not sets:
        return np.empty((0, 2), np.int64)
    spans = np.concatenate(sets)
    moments = spans.T.ravel()
    turns = np.repeat([1, -1], len(spans))
    order = np.lexsort((-turns, moments))  # what begins at a moment goes first: spans that touch are joined
    within = np.cumsum(turns[order]) >= number
    turned = np.flatnonzero(np.diff(within, prepend=False))
    spans = moments[order][turned].reshape(-1, 2)
    some: SpanArray = spans[spans[:, 0] < spans[:, 1]]
    return some


def other_time(spans: SpanArray) -> SpanArray:
    """Return all moments that are not in spans."""
    others: SpanArray = np.r_[_NEVER, spans.ravel(), _EVER].reshape(-1, 2)
    return others


class Passed:
    """How much of spans lies between two moments, whichever they are.

    Args:
        spans: at most 2**63 microseconds together.
    """

    def __init__(self, spans: SpanArray) -> None:
        self._starts = np.ascontiguousarray(spans[:, 0])
        self._ends = np.ascontiguousarray(spans[:, 1])
        self._before = np.r_[0, np.cumsum(self._ends - self._starts)]

    def between(self, start_us: int, end_us: int) -> int:
        """Return microseconds of the spans between two moments."""
        return self._until(end_us) - self._until(start_us)

    def _until(self, moment_us: int) -> int:
        number = int(self._starts.searchsorted(moment_us, "right"))
        over = int(self._ends[number - 1]) - moment_us if number else 0
        return int(self._before[number]) - max(0, over)
