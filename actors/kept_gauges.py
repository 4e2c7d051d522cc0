"""Gauges and counters that Prometheus sees whenever it reads: Ray exports them only around a change."""

import threading
from collections.abc import Mapping

from ray.util.metrics import Gauge

UNSEEN = 1e-9
"""What counters of faults begin with: Ray exports none before it rises, and a first fault would be no rise."""
_AGAIN_S = 5


class KeptGauges:
    """Gauges that are exported until `stop`: Ray leaves one out that was not set for twenty seconds."""

    def __init__(self) -> None:
        self._values: dict[tuple[Gauge, tuple[tuple[str, str], ...]], float] = {}
        self._stopped = threading.Event()
        threading.Thread(target=self._repeat, name="gauges", daemon=True).start()

    def set(self, gauge: Gauge, value: float, tags: Mapping[str, str] | None = None) -> None:
        """Set a gauge, now and every few seconds."""
        tags = tags or {}
        self._values[gauge, tuple(tags.items())] = value
        gauge.set(value, dict(tags))

    def add(self, gauge: Gauge, amount: float, tags: Mapping[str, str]) -> None:
        """Raise a gauge by an amount: a count that ends with this process, where Ray exports counters for ever."""
        self.set(gauge, self._values.get((gauge, tuple(tags.items())), 0.0) + amount, tags)

    def stop(self) -> None:
        """Export them no more."""
        self._stopped.set()

    def _repeat(self) -> None:
        while not self._stopped.wait(_AGAIN_S):
            for (gauge, tags), value in list(self._values.items()):
                gauge.set(value, dict(tags))
