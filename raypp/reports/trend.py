"""How compliance with each rule of a zone went from day to day."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raypp.reports.safety_record import DayTotals, ZoneTotal


@dataclass(frozen=True, slots=True)
class Trend:
    """One rule of one zone.

    Attributes:
        camera, zone, kind, item: as in `ZoneTotal`.
        days: its total of each day; None where there was nothing.
    """

    camera: str
    zone: str
    kind: str
    item: str
    days: tuple[ZoneTotal | None, ...]

    @property
    def has_shares(self) -> bool:
        """Whether it is about an item, so that there is a share worn."""
        return any(total is not None and total.cannot_tell_share is not None for total in self.days)


def trends(rules: Iterable[ZoneTotal], days: Sequence[DayTotals]) -> list[Trend]:
    """Gather the days of each rule; of those without anything on any of them there is none.

    Args:
        rules: totals of the whole range, in their order.
        days: totals of its days, by date.
    """
    by_day = [{_rule(total): total for total in day.totals} for day in days]
    listed = [Trend(*_rule(rule), tuple(totals.get(_rule(rule)) for totals in by_day)) for rule in rules]
    return [trend for trend in listed if any(trend.days)]


def _rule(total: ZoneTotal) -> tuple[str, str, str, str]:
    return total.camera, total.zone, total.kind, total.item
