"""Streams of one camera that saw the same time: what was seen twice is counted once, and told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from raypp.usage.episode import Episode, Stretch
from raypp.usage.episodes import Episodes
from raypp.usage.observation import Observation
from raypp.usage.spans import Spans, length, shared, union, within, without
from raypp.usage.violation import SLOT_US, Exposure, Violation

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


def counted_once(episodes: Iterable[Episode], stretches: Iterable[Stretch]) -> tuple[Episodes, list[Overlap]]:
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
    overlaps.sort(key=lambda overlap: (overlap.camera, overlap.start_us, overlap.epoch))
    gathered = Episodes.of(episodes)
    kept = gathered.end_us > gathered.start_us
    twice = np.flatnonzero(_reach_into(gathered, taken)).tolist()
    if not twice:
        return gathered.take(kept), overlaps
    starts, ends, seen = (column.copy() for column in (gathered.start_us, gathered.end_us, gathered.seen_us))
    for place in twice:
        episode = gathered[place]
        rest = without(((episode.start_us, episode.end_us),), taken[episode.stream.camera, episode.stream.epoch])
        kept[place] &= bool(rest)
        if rest and rest != ((episode.start_us, episode.end_us),):
            starts[place], ends[place] = rest[0][0], rest[-1][1]
            seen[place] = min(episode.seen_us, length(rest))
    return replace(gathered, start_us=starts, end_us=ends, seen_us=seen).take(kept), overlaps


def violations_once(violations: Iterable[Violation], stretches: Iterable[Stretch]) -> list[Violation]:
    """Leave out or cut violations as `counted_once` does episodes; return those that count, by start and id."""
    taken, kept = _taken(stretches), []
    for violation in violations:
        whole = ((violation.start_us, violation.end_us),)
        rest = without(whole, taken.get((violation.stream.camera, violation.stream.epoch), ()))
        if rest and rest != whole:
            seen_us = min(violation.seen_us, length(rest))
            kept.append(replace(violation, start_us=rest[0][0], end_us=rest[-1][1], seen_us=seen_us))
        elif rest:
            kept.append(violation)
    return sorted(kept, key=lambda violation: (violation.start_us, violation.violation_id))


def exposures_once(exposures: Iterable[Exposure], stretches: Sequence[Stretch]) -> list[Exposure]:
    """Leave out exposure of a later stream in quarters of an hour of which an earlier one saw all that it saw.

    A quarter of which the earlier one saw a part counts in both: a sum cannot be cut.
    """
    taken, kept = _taken(stretches), []
    own = {
        (camera, epoch): union(
            (stretch.start_us, stretch.end_us)
            for stretch in stretches
            if (stretch.stream.camera, stretch.stream.epoch) == (camera, epoch)
            and stretch.observation is Observation.OBSERVED
        )
        for camera, epoch in taken
    }
    for row in exposures:
        stream, until_us = (row.stream.camera, row.stream.epoch), (row.start_us // SLOT_US + 1) * SLOT_US
        seen = within(own.get(stream, ()), row.start_us, until_us)
        if not seen or without(seen, taken[stream]):
            kept.append(row)
    return kept


def _reach_into(episodes: Episodes, taken: dict[tuple[str, int], Spans]) -> npt.NDArray[np.bool_]:
    """Which episodes reach into time that an earlier stream of their camera saw."""
    reach = np.zeros(len(episodes), bool)
    for number, (stream, _, _) in enumerate(episodes.lanes):
        if spans := taken.get((stream.camera, stream.epoch)):
            begun, over = np.array(spans, np.int64).T
            own = np.flatnonzero(episodes.lane == number)
            place = over.searchsorted(episodes.start_us[own], "right")
            begins = np.append(begun, np.iinfo(np.int64).max)[place]
            reach[own] = begins < episodes.end_us[own]
    return reach


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
