"""How far two clocks are apart, as far as messages between them show it: as NTP has it (RFC 5905, section 8)."""

from dataclasses import dataclass, field
from typing import Self

_SAMPLES = 8
"""So many of the last exchanges are kept; NTP's clock filter keeps as many."""
_DRIFT_US = 500_000
"""Samples that are further apart than this are of a clock that was set meanwhile, and not of one that drifts."""
_MOST_WAIT_US = 60_000_000
"""No `open` is older than this when a service reads it: the agent has given it up by then."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """The bounds of a service's clock minus a site's.

    Attributes:
        least_us, most_us: it lies between them for certain, microseconds; `least_us` is not above `most_us`.
    """

    least_us: int
    most_us: int

    @classmethod
    def of_exchange(cls, sent_us: int, received_us: int, answered_us: int, back_us: int) -> Self | None:
        """Return what a question of the site and the service's answer show; None if a clock was set meanwhile.

        Args:
            sent_us: the site's clock when it sent the question, microseconds since 1970.
            received_us: the service's clock when that was there.
            answered_us: the service's clock when it answered.
            back_us: the site's clock when the answer was there.
        """
        least_us, most_us = answered_us - back_us, received_us - sent_us
        return cls(least_us, most_us) if least_us <= most_us else None

    @property
    def offset_us(self) -> int:
        """The most probable offset: the middle."""
        return (self.least_us + self.most_us) // 2

    @property
    def error_us(self) -> int:
        """How far the middle may be off: half the round trip."""
        return (self.most_us - self.least_us + 1) // 2

    @property
    def certain_us(self) -> int:
        """The part of the offset that no delay explains; 0 where the clocks may be the same."""
        return max(0, self.least_us) + min(0, self.most_us)


def one_way_us(sent_us: int, received_us: int) -> int:
    """Return how far a service's clock is from a site's for certain, by an `open` alone, in microseconds.

    A site that seems ahead is ahead by that and more. One that seems behind may have waited.
    """
    return ClockOffset(received_us - sent_us - _MOST_WAIT_US, received_us - sent_us).certain_us


@dataclass
class ClockSamples:
    """The last exchanges with a service, of which the one of the shortest round trip counts."""

    _samples: list[ClockOffset] = field(default_factory=list)

    def take(self, sample: ClockOffset | None) -> None:
        """Take another sample, if it is any; those before that it contradicts are of a clock that was set since."""
        if sample is None:
            return
        kept = [before for before in self._samples if _agree(before, sample)]
        self._samples = [*kept, sample][-_SAMPLES:]

    @property
    def best(self) -> ClockOffset | None:
        """The sample of the least error, the newest of equals; None where there is none."""
        return min(reversed(self._samples), key=lambda sample: sample.error_us, default=None)


def _agree(first: ClockOffset, second: ClockOffset) -> bool:
    return max(first.least_us, second.least_us) <= min(first.most_us, second.most_us) + _DRIFT_US
