"""Streams of one camera that saw the same time: what was seen twice is counted once, and told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from raypp.usage.episode import Episode, Stretch
from raypp.usage.episodes import Episodes
from raypp.usage.exposures import Exposures
from raypp.usage.observation import Observation
from raypp.usage.spans import Spans, length, shared, union, within, without
from raypp.usage.violation import SLOT_US, Violation
from raypp.usage.violations import Violations

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


def violations_once(violations: Violations, stretches: Iterable[Stretch]) -> Violations:
    """Leave out or cut violations as `counted_once` does episodes; return those that count, by start and id."""
    taken = _taken(stretches)
    kept = violations.take(violations.end_us > violations.start_us)
    twice = _reach_into(kept, taken)
    return kept.take(~twice).beside(Violations.of(_cut(kept.take(twice), taken)))


def exposures_once(exposures: Exposures, stretches: Sequence[Stretch]) -> Exposures:
    """Leave out exposure of a later stream in quarters of an hour of which an earlier one saw all that it saw.

    A quarter of which the earlier one saw a part counts in both: a sum cannot be cut.
    """
    taken = _taken(stretches)
    own = {
        (camera, epoch): union(
            (stretch.start_us, stretch.end_us)
            for stretch in stretches
            if (stretch.stream.camera, stretch.stream.epoch) == (camera, epoch)
            and stretch.observation is Observation.OBSERVED
        )
        for camera, epoch in taken
    }
    kept = np.ones(len(exposures), bool)
    lanes, starts = exposures.lane.tolist(), exposures.start_us.tolist()
    later = np.array([(stream.camera, stream.epoch) in taken for stream, _, _ in exposures.lanes], bool)
    for place in np.flatnonzero(later[exposures.lane]).tolist() if later.any() else ():
        name, start_us = exposures.lanes[lanes[place]][0], starts[place]
        stream, until_us = (name.camera, name.epoch), (start_us // SLOT_US + 1) * SLOT_US
        seen = within(own[stream], start_us, until_us)
        kept[place] = not seen or bool(without(seen, taken[stream]))
    return exposures.take(kept)


def _cut(violations: Iterable[Violation], taken: dict[tuple[str, int], Spans]) -> Iterator[Violation]:
    """Yield what is left of violations that reach into time that an earlier stream saw."""
    for violation in violations:
        spans = taken[violation.stream.camera, violation.stream.epoch]
        rest = without(((violation.start_us, violation.end_us),), spans)
        if rest:
            seen_us = min(violation.seen_us, length(rest))
            yield replace(violation, start_us=rest[0][0], end_us=rest[-1][1], seen_us=seen_us)


def _reach_into(episodes: Episodes | Violations, taken: dict[tuple[str, int], Spans]) -> npt.NDArray[np.bool_]:
    """Which episodes reach into time that an earlier stream of their camera saw."""
    reach = np.zeros(len(episodes), bool)
    for number, stream in enumerate(episodes.streams):
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
