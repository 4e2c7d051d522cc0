"""When to try again: soon after a fault of the link, slowly after a refusal."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Delays between tries, each doubled until the longest, and drawn from half to the whole of that.

    Attributes:
        first_s, longest_s: after a fault of the link.
        busy_first_s, busy_longest_s: after a limit of the service was met, which passes by itself.
        refused_first_s, refused_longest_s: after a refusal, which only a person can lift.
    """

    first_s: float = 0.25
    longest_s: float = 30.0
    busy_first_s: float = 1.0
    busy_longest_s: float = 60.0
    refused_first_s: float = 5.0
    refused_longest_s: float = 300.0


class Backoff:
    """Counts failures in a row, and says how long to wait after each."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._faults = 0
        self._busy = 0
        self._refusals = 0

    def reset(self) -> None:
        """Something went well."""
        self._faults = self._busy = self._refusals = 0

    def fault_s(self) -> float:
        """Seconds to wait after a fault of the link."""
        self._faults += 1
        return _drawn(self._policy.first_s, self._policy.longest_s, self._faults)

    def busy_s(self) -> float:
        """Seconds to wait after a limit was met."""
        self._busy += 1
        return _drawn(self._policy.busy_first_s, self._policy.busy_longest_s, self._busy)

    def refusal_s(self) -> float:
        """Seconds to wait after a refusal."""
        self._refusals += 1
        return _drawn(self._policy.refused_first_s, self._policy.refused_longest_s, self._refusals)


def _drawn(first_s: float, longest_s: float, times: int) -> float:
    longest = min(longest_s, first_s * 2.0 ** min(times - 1, 30))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
