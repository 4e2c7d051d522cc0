"""Streams of one camera that saw the same time: what was seen twice is counted once, and told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from raypp.usage.episode import Episode, Stretch
from raypp.usage.observation import Observation
from raypp.usage.spans import Spans, length, shared, union, without

_TOLD_US = 1_000_000
"""Shorter ones are the seams of streams that follow each other."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Time that two streams of a camera saw.

    Attributes:
        camera: its name.
        epoch: of the stream whose uses are left out there: the later one.
        start_us, end_us: event time, end exclusive.
    """

    camera: str
    epoch: int
    start_us: int
    end_us: int


def counted_once(episodes: Iterable[Episode], stretches: Iterable[Stretch]) -> tuple[list[Episode], list[Overlap]]:
    """Leave out what a later stream of a camera tells of time that an earlier one saw.

    An episode that lies wholly in such time is left out; one that reaches into it is cut there.

    Args:
        episodes: of one site.
        stretches: of the same site and time.

    Returns:
        The episodes that count, in their order, and where streams overlap, by camera, start and epoch.
    """
    taken = _taken(stretches)
    overlaps = [
        Overlap(camera, epoch, start_us, end_us)
        for (camera, epoch), spans in taken.items()
        for start_us, end_us in spans
        if end_us - start_us >= _TOLD_US
    ]
    kept = []
    for episode in episodes:
        spans = taken.get((episode.stream.camera, episode.stream.epoch), ())
        rest = without(((episode.start_us, episode.end_us),), spans)
        if rest == ((episode.start_us, episode.end_us),):
            kept.append(episode)
        elif rest:
            seen_us = min(episode.seen_us, length(rest))
            kept.append(replace(episode, start_us=rest[0][0], end_us=rest[-1][1], seen_us=seen_us))
    return kept, sorted(overlaps, key=lambda overlap: (overlap.camera, overlap.start_us, overlap.epoch))


def _taken(stretches: Iterable[Stretch]) -> dict[tuple[str, int], Spans]:
    """Return, for each stream that overlaps with earlier ones of its camera, the time that those saw and it saw too."""
    seen: dict[str, dict[int, list[tuple[int, int]]]] = {}
    for stretch in stretches:
        if stretch.observation is Observation.OBSERVED:
            epochs = seen.setdefault(stretch.stream.camera, {})
            epochs.setdefault(stretch.stream.epoch, []).append((stretch.start_us, stretch.end_us))
    spans_of: dict[tuple[str, int], Spans] = {}
    for camera, epochs in seen.items():
        for epoch, spans in _later(sorted(epochs.items())):
            if spans:
                spans_of[camera, epoch] = spans
    return spans_of


def _later(epochs: Sequence[tuple[int, list[tuple[int, int]]]]) -> Iterable[tuple[int, Spans]]:
    before: Spans = ()
    for epoch, spans in epochs:
        own = union(spans)
        yield epoch, shared(own, before)
        before = union((*before, *own))
