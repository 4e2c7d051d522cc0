"""When to try again: soon after a fault of the link, slowly after a refusal."""

from dataclasses import dataclass

from raypp.io.backoff import Backoff


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


class UplinkBackoff:
    """How long to wait after each kind of trouble of a link, counted apart.

    Args:
        policy: delays of each kind.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._faults = Backoff(policy.first_s, policy.longest_s, jitter=True)
        self._limits = Backoff(policy.busy_first_s, policy.busy_longest_s, jitter=True)
        self._refusals = Backoff(policy.refused_first_s, policy.refused_longest_s, jitter=True)

    def reset(self) -> None:
        """Count from none again: something went well."""
        for backoff in (self._faults, self._limits, self._refusals):
            backoff.reset()

    def fault_s(self) -> float:
        """Seconds to wait after a fault of the link."""
        return self._faults.wait_s()

    def busy_s(self) -> float:
        """Seconds to wait after a limit was met."""
        return self._limits.wait_s()

    def refusal_s(self) -> float:
        """Seconds to wait after a refusal."""
        return self._refusals.wait_s()
