"""Sets of moments as sorted, disjoint spans of microseconds, start inclusive, end exclusive."""

from collections.abc import Iterable, Sequence

Spans = tuple[tuple[int, int], ...]


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


def shared(one: Spans, other: Spans) -> Spans:
    """Return the moments in both."""
    found = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def without(one: Spans, other: Spans) -> Spans:
    """Return the moments of one that are not in the other."""
    if not one:
        return ()
    edges = (one[0][0], *(edge for span in other for edge in span), one[-1][1])
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return shared(one, tuple(gap for gap in gaps if gap[0] < gap[1]))


def length(spans: Sequence[tuple[int, int]]) -> int:
    """Return how long spans are together, in microseconds."""
    return sum(end - start for start, end in spans)


def within(spans: Spans, start: int, end: int) -> Spans:
    """Return the part of spans between two moments."""
    return shared(spans, ((start, end),)) if start < end else ()
