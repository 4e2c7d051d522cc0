"""Sight: what the cameras of a place saw, and did not see."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from raypp.usage.coverage import Sight
from raypp.usage.spans import Spans, length, shared, within, without

_START, _END = itemgetter(0), itemgetter(1)
EDGE_US = 1_000_000
"""A use that begins or ends so near to time that was not observed may have gone on there."""


@dataclass(frozen=True)
class PlaceSight:
    """When all cameras that could have seen something saw: what only some of them see may be missed.

    Attributes:
        observed: those moments.
    """

    observed: Spans

    @classmethod
    def of(cls, sights: Mapping[str, Sight], cameras: Iterable[str]) -> "PlaceSight":
        """Return what some cameras saw together; one of which nothing is known saw nothing."""
        seen: Spans | None = None
        for camera in cameras:
            own = sights[camera].observed if camera in sights else ()
            seen = own if seen is None else shared(seen, own)
        return cls(seen or ())

    def unseen(self, start_us: int, end_us: int) -> Spans:
        """Return the time between two moments that was not observed."""
        return without(((start_us, end_us),), within(self.observed, start_us, end_us)) if start_us < end_us else ()

    def unseen_us(self, start_us: int, end_us: int) -> int:
        """Return how much of the time between two moments was not observed."""
        return length(self.unseen(start_us, end_us))

    def blind_between(self, start_us: int, end_us: int) -> bool:
        """Say whether the time between two moments was not observed, but for a second at its edges."""
        unseen_us = self.unseen_us(start_us, end_us)
        return end_us - start_us - unseen_us <= min(EDGE_US, unseen_us)

    def blind_before(self, moment_us: int) -> int:
        """Return when the time without observation began that leads up to a moment; the moment if it was seen."""
        number = bisect_left(self.observed, moment_us, key=_START)
        if number and self.observed[number - 1][1] >= moment_us:
            if moment_us - self.observed[number - 1][0] > EDGE_US:
                return moment_us
            number -= 1
        return self.observed[number - 1][1] if number else 0

    def blind_after(self, moment_us: int, until_us: int) -> int:
        """Return when the time without observation ends that follows a moment; the moment if it was seen."""
        number = bisect_right(self.observed, moment_us, key=_END)
        if number < len(self.observed) and self.observed[number][0] <= moment_us:
            if self.observed[number][1] - moment_us > EDGE_US:
                return moment_us
            number += 1
        until_us = max(moment_us, until_us)
        return min(until_us, self.observed[number][0]) if number < len(self.observed) else until_us
