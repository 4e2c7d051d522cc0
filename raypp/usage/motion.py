"""Which tools of one class are in use because they move: boxes followed against where each tool last lay.

A hand that reaches over a tool, or leaves it, changes its box without moving it: what is covered only shrinks a box,
what is uncovered only widens it. So a tool that lies is taken once its box leaves the place it lies in; and one that
was taken goes on moving where one edge of its box comes in while another goes out. It lies again once it has not moved
for a while and is seen whole.

A hand may cover a tool, or all but a still part of it, for as long as it works with it. So whether a tool that is not
seen, or not whole, is in use stays open until it is seen again: it was, if it has moved by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

from raypp.geometry.boxes import Edges, Point, centre
from raypp.usage.use import Use

MOST_TRACKS = 32
"""Tools of one class that are followed at a time; those not seen for longest give way."""
_OUTWARD = 0.25
"""Of min_shift: how far an edge must come out where another comes in, for a box that moves, not one that is covered."""
_WHOLE = 0.75
"""A box whose diagonal is at least this share of the tool's when it lay shows the whole tool, turned perhaps."""


@dataclass(frozen=True, slots=True)
class Track:
    """One tool that is followed.

    Attributes:
        moved_to: the box in which it was last seen to have moved, or first seen.
        place: that box, widened by what was uncovered since.
        size: diagonal of its box when it last lay.
        taken: whether it was taken from where it lay, and does not lie again yet.
        moved_us: when it was last seen to have moved, or first seen.
        covered_us: when it was last not seen whole, or first seen.
        first_us, seen_us: when it was first and last seen.
    """

    moved_to: Edges
    place: Edges
    size: float
    taken: bool
    moved_us: int
    covered_us: int
    first_us: int
    seen_us: int


@dataclass(frozen=True, slots=True)
class Sense:
    """When a tool counts as moving: its rules in the units of the fold.

    Attributes:
        min_shift: by how much an edge must move, in widths of the frame.
        settle_us: it lies once it has not moved for longer than this.
        hidden_us: for how long it may be covered before it counts as lying, or gone.
        height: of the frame, in widths of it.
    """

    min_shift: float
    settle_us: int
    hidden_us: int
    height: float

    def cut(self, box: Edges) -> bool:
        """Say whether the frame's border may cut a box, so that its size tells nothing."""
        margin = self.min_shift
        return min(box[0], box[1]) < margin or box[2] > 1 - margin or box[3] > self.height - margin


def follow(
    tracks: Sequence[Track], boxes: Sequence[Edges], time_us: int, sense: Sense
) -> tuple[tuple[Track, ...], tuple[tuple[Point, Use], ...]]:
    """Follow the tools of one class to the next frame.

    Args:
        tracks: what is followed so far.
        boxes: what was found at this frame, in widths of the frame.
        time_us: event time of this frame.
        sense: when a tool counts as moving.

    Returns:
        The tracks after this frame, those seen first, and the middle of each tool that is in use, or may be.
    """
    followed, uses = [], []
    track_of = _matched(tracks, boxes, sense.min_shift)
    for number, box in enumerate(boxes):
        if number not in track_of:
            followed.append(Track(box, box, _diagonal(box), False, time_us, time_us, time_us, time_us))
            continue
        now, use = _seen(tracks[track_of[number]], box, time_us, sense)
        followed.append(now)
        if use is not Use.NO:
            uses.append((centre(box), use))
    seen = set(track_of.values())
    for index, track in enumerate(tracks):
        known = track.seen_us - track.first_us > sense.settle_us  # else it may have been a false alarm
        if index not in seen and known and time_us - track.seen_us <= sense.hidden_us:
            followed.append(replace(track, covered_us=time_us))
            uses.append((centre(track.place), Use.UNDECIDED))
    return tuple(followed[:MOST_TRACKS]), tuple(uses)


def _seen(track: Track, box: Edges, time_us: int, sense: Sense) -> tuple[Track, Use]:
    """Take one tool to the box it was found in."""
    if _has_moved(track, box, sense.min_shift):
        whole = _whole(track, box, sense)
        covered_us = track.covered_us if whole else time_us
        after = replace(track, moved_to=box, place=box, taken=True, moved_us=time_us, covered_us=covered_us)
        return replace(after, seen_us=time_us), Use.YES
    if not track.taken:
        return replace(track, seen_us=time_us), Use.NO
    covered_us = track.covered_us if _whole(track, box, sense) else time_us
    after = replace(track, place=_union(track.place, box), covered_us=covered_us, seen_us=time_us)
    still_us = time_us - track.moved_us
    if min(still_us, time_us - covered_us) > sense.settle_us or still_us > max(sense.settle_us, sense.hidden_us):
        return replace(after, size=_diagonal(after.place), taken=False), Use.NO
    return after, Use.UNDECIDED if time_us - covered_us <= sense.settle_us else Use.NO


def _has_moved(track: Track, box: Edges, min_shift: float) -> bool:
    """Say whether a box is elsewhere, not only covered or uncovered in part."""
    wider = _union(track.place, box)
    if not track.taken:
        return _shift(track.place, wider) > min_shift
    inwards, outwards = _shift(box, wider), _shift(track.moved_to, _union(track.moved_to, box))
    return inwards > min_shift and outwards > _OUTWARD * min_shift


def _whole(track: Track, box: Edges, sense: Sense) -> bool:
    return _diagonal(box) >= _WHOLE * track.size or sense.cut(box)


def _matched(tracks: Sequence[Track], boxes: Sequence[Edges], min_shift: float) -> dict[int, int]:
    """Match boxes to tracks: {box: track}.

    What lies where a tool lay is that tool; what does not is sooner one that was taken than one that lay; then nearest
    edges first.
    """
    pairs = []
    for index, track in enumerate(tracks):
        for number, box in enumerate(boxes):
            lies = not track.taken and _shift(track.place, _union(track.place, box)) <= min_shift
            away = sum(abs(a - b) for a, b in zip(track.place, box, strict=True))
            pairs.append((0 if lies else 1 if track.taken else 2, away, index, number))
    matched: dict[int, int] = {}
    for _, _, index, number in sorted(pairs):
        if number not in matched and index not in matched.values():
            matched[number] = index
    return matched


def _diagonal(box: Edges) -> float:
    return hypot(box[2] - box[0], box[3] - box[1])


def _union(some: Edges, other: Edges) -> Edges:
    return min(some[0], other[0]), min(some[1], other[1]), max(some[2], other[2]), max(some[3], other[3])


def _shift(inner: Edges, outer: Edges) -> float:
    """How far the farthest edge of an outer box is from that of the box within it."""
    return max(abs(a - b) for a, b in zip(inner, outer, strict=True))
