"""What several gateways count, told among them, so that a site's limits hold on all of them together. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

EVERY_S = 0.5
"""How often a gateway reports."""
FORGET_S = 5.0
"""A gateway that has not reported for so long is gone, and so are its calls."""


class Report(NamedTuple):
    """Counts of one gateway, or of all others together.

    Attributes:
        under_way: calls under way that last, by owner and kind.
        begun: calls that began since the report before, by owner.
    """

    under_way: Mapping[tuple[str, str], int]
    begun: Mapping[str, int]


@dataclass
class _Member:
    at_s: float
    under_way: Mapping[tuple[str, str], int] = field(default_factory=dict)
    begun_elsewhere: Counter[str] = field(default_factory=Counter)


class SharedCounts:
    """Brings the reports of gateways together; used from one thread."""

    def __init__(self) -> None:
        self._members: dict[str, _Member] = {}

    def report(self, gateway: str, report: Report, now_s: float) -> Report:
        """Take what a gateway counts; return what the others count, and what began there since it last reported.

        Args:
            gateway: its name, unlike any other's.
            report: of the gateway.
            now_s: monotonic time.
        """
        for name, member in list(self._members.items()):
            if member.at_s < now_s - FORGET_S:
                del self._members[name]
        mine = self._members.setdefault(gateway, _Member(now_s))
        mine.at_s, mine.under_way = now_s, report.under_way
        under_way: Counter[tuple[str, str]] = Counter()
        for name, member in self._members.items():
            if name != gateway:
                under_way.update(member.under_way)
                member.begun_elsewhere.update(report.begun)
        begun, mine.begun_elsewhere = mine.begun_elsewhere, Counter()
        return Report(dict(under_way), dict(begun))
