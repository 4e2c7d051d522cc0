"""Sets of moments as sorted, disjoint spans of microseconds, start inclusive, end exclusive."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from operator import itemgetter

Spans = tuple[tuple[int, int], ...]

_START, _END = itemgetter(0), itemgetter(1)


def union(spans: Iterable[tuple[int, int]]) -> Spans:
    """Join spans in any order, which may overlap, touch or be empty."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return tuple(joined)


def shared(some: Spans, other: Spans) -> Spans:
    """Return the moments in both."""
    shared_spans = []
    i = j = 0
    while i < len(some) and j < len(other):
        start, end = max(some[i][0], other[j][0]), min(some[i][1], other[j][1])
        if start < end:
            shared_spans.append((start, end))
        if some[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(shared_spans)


def without(some: Spans, other: Spans) -> Spans:
    """Return the moments of one that are not in the other."""
    if not some:
        return ()
    edges = (some[0][0], *(edge for span in other for edge in span), some[-1][1])
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return shared(some, tuple(gap for gap in gaps if gap[0] < gap[1]))


def length(spans: Sequence[tuple[int, int]]) -> int:
    """Return how long spans are together, in microseconds."""
    return sum(end - start for start, end in spans)


def within(spans: Spans, start: int, end: int) -> Spans:
    """Return the part of spans between two moments; of the others none is looked at."""
    if start >= end:
        return ()
    first, last = bisect_right(spans, start, key=_END), bisect_left(spans, end, key=_START)
    return tuple((max(begin, start), min(over, end)) for begin, over in spans[first:last])
