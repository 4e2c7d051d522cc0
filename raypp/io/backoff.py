"""How long to wait before a next try: longer after each failure, up to a longest wait."""

import random

_SHORTEST_SHARE = 0.5
_MOST_DOUBLINGS = 30


class Backoff:
    """Counts failures in a row, and says how long to wait after each: twice as long as after the one before.

    Args:
        first_s: seconds to wait after the first failure.
        longest_s: seconds that no wait exceeds.
        jitter: whether each wait is drawn from its half to its whole, so that many who failed at once do not try
            again at once.
    """

    def __init__(self, first_s: float, longest_s: float, *, jitter: bool = False) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._failures = 0

    def wait_s(self) -> float:
        """Count a failure, and return the seconds to wait after it."""
        wait_s = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, _MOST_DOUBLINGS))
        self._failures += 1
        return wait_s * random.uniform(_SHORTEST_SHARE, 1.0) if self._jitter else wait_s  # noqa: S311 - no secret

    def reset(self) -> None:
        """Count from none again: something went well."""
        self._failures = 0
