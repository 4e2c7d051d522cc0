"""Hours in which a rule counts: those of some of a site's shifts, or always."""

from collections.abc import Sequence

from raypp.usage.settings import SiteSettings
from raypp.usage.shifts import shifts_between
from raypp.usage.spans import union

_DAY_US = 86_400_000_000


class WorkingHours:
    """Says for any moment whether it lies in one of some shifts. Remembers the last answer, for speed alone.

    Args:
        settings: of the site.
        shifts: names of its shifts; none: always.
    """

    def __init__(self, settings: SiteSettings, shifts: Sequence[str]) -> None:
        self._shifts = [shift for shift in settings.shifts if shift.name in shifts]
        self._zone = settings.zone
        self._known = (0, 0, True)

    def include(self, at_us: int) -> bool:
        """Say whether a moment lies in one of the shifts."""
        if not self._shifts:
            return True
        from_us, to_us, included = self._known
        if not from_us <= at_us < to_us:
            self._known = from_us, to_us, included = self._around(at_us)
        return included

    def _around(self, at_us: int) -> tuple[int, int, bool]:
        first_us, last_us = at_us - _DAY_US, at_us + _DAY_US
        worked = shifts_between(self._shifts, self._zone, first_us, last_us)
        for start_us, end_us in union((shift.start_us, shift.end_us) for shift in worked):
            if at_us < start_us:
                return first_us, start_us, False
            if at_us < end_us:
                return start_us, end_us, True
            first_us = end_us
        return first_us, last_us, False
