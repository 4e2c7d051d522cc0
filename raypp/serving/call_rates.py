"""How many calls an owner makes a minute: token buckets, which also take what other gateways let through. Pure."""

from raypp.serving.status import Status, StatusError

_MOST_OWNERS = 10_000


class CallRates:
    """A bucket for each owner that called of late; used from one thread.

    Args:
        per_minute: calls that an owner gains in a minute.
        burst: calls that it may have left at most, and owe likewise.
    """

    def __init__(self, per_minute: int, burst: int) -> None:
        self._per_minute = per_minute
        self._burst = burst
        self._left: dict[str, tuple[float, float]] = {}

    def require(self, owner: str, now_s: float) -> None:
        """Raise StatusError (RESOURCE_EXHAUSTED) unless the owner may make a call at this monotonic time."""
        if self._present(owner, now_s) < 1:
            raise StatusError(
                Status.RESOURCE_EXHAUSTED,
                f"more than {self._per_minute} calls a minute by {owner} on all gateways; try again later",
            )

    def spend(self, owner: str, calls: int, now_s: float) -> None:
        """Count calls that were made."""
        left = max(float(-self._burst), self._present(owner, now_s) - calls)
        self._left[owner] = left, now_s
        if len(self._left) > _MOST_OWNERS:
            self._left = {name: kept for name, kept in self._left.items() if self._present(name, now_s) < self._burst}

    def _present(self, owner: str, now_s: float) -> float:
        left, at_s = self._left.get(owner, (float(self._burst), now_s))
        return min(float(self._burst), left + (now_s - at_s) * self._per_minute / 60)
