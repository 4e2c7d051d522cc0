"""Warn once where no worker of a pool begins, since Ray waits for room without a word. Pure."""

from collections.abc import Callable, Iterable, Mapping
from time import monotonic

DEADLINE_S = 60.0


class StartDeadline:
    """Tells once when a pool has had no worker for a minute; once more after it has had one meanwhile.

    Args:
        clock: gives monotonic time.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._since_s: float | None = clock()

    def has_passed(self, any_ready: bool) -> bool:
        """Return whether it passed since the last look; `any_ready`: whether a worker has begun, and lives."""
        if any_ready:
            self._since_s = self._clock()
        if self._since_s is None or self._clock() - self._since_s < DEADLINE_S:
            return False
        self._since_s = None
        return True


def lack_of_room(each: Mapping[str, float], nodes: Iterable[Mapping[str, float]], free: Mapping[str, float]) -> str:
    """Return a line that names what each worker takes, and what there is.

    Args:
        each: CPUs and GPUs of each worker, by Ray's names.
        nodes: resources of each living node.
        free: resources that nothing has taken, of all nodes together.
    """
    kinds = ["CPU", "GPU"] if each.get("GPU") else ["CPU"]
    largest = max(nodes, key=lambda node: [node.get(kind, 0) for kind in reversed(kinds)], default={})
    return (
        f"warning: no worker has begun for {DEADLINE_S:.0f} s. Each takes {_words(each, kinds)}; "
        f"the largest node has {_words(largest, kinds)}; free on all nodes: {_words(free, kinds)}. "
        "Add nodes, ask for less, or end other work"
    )


def _words(resources: Mapping[str, float], kinds: Iterable[str]) -> str:
    return " and ".join(f"{resources.get(kind, 0):g} {kind}" for kind in kinds)
