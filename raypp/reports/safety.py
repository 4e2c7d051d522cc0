"""Compliance with the rules of a site's zones, read from its ledger."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from raypp.errors import OptionError
from raypp.ledger.store import Ledger
from raypp.reports.cameras import watching
from raypp.reports.records import Recorded
from raypp.reports.request import read_report
from raypp.reports.safety_record import SafetyReport, ShiftTotals, violation_record, zone_rules, zone_totals
from raypp.reports.wording import iso
from raypp.usage.coverage import sights
from raypp.usage.overlap import exposures_once, violations_once
from raypp.usage.shifts import WorkedShift, shifts_between
from raypp.usage.violation import Exposure, Violation

_START = attrgetter("start_us")


@dataclass(frozen=True, slots=True)
class SiteSafety:
    """Person-time and violations of one site that began in a period.

    Attributes:
        recorded: the site and the period, and what its cameras saw.
        exposures: by start.
        violations: by start.
    """

    recorded: Recorded
    exposures: tuple[Exposure, ...]
    violations: tuple[Violation, ...]

    def report(self) -> SafetyReport:
        """Return them as the documented rows."""
        settings, period = self.recorded.settings, self.recorded.period
        zone, from_us, to_us = settings.zone, period.from_us, period.to_us
        rules = [
            rule
            for camera, watched in settings.cameras.items()
            for name, place in watched.zones.items()
            for rule in zone_rules(camera, name, place)
        ]
        totals = zone_totals(rules, self.exposures, self.violations)
        seen = sights(self.recorded.stretches, watching(self.recorded.cameras, period))
        cameras = [camera for camera in seen if any(total.camera == camera for total in totals)]
        return SafetyReport(
            site=self.recorded.site,
            time_zone=settings.time_zone,
            start=iso(from_us, zone),
            end=iso(to_us, zone),
            from_us=from_us,
            to_us=to_us,
            coverage=[seen[camera].coverage(from_us, to_us) for camera in cameras],
            totals=totals,
            shifts=[self._of_shift(shift) for shift in shifts_between(settings.shifts, zone, from_us, to_us)],
            violations=[violation_record(violation, zone) for violation in self.violations],
        )

    def _of_shift(self, shift: WorkedShift) -> ShiftTotals:
        exposures = self.exposures[_begun(self.exposures, shift)]
        violations = self.violations[_begun(self.violations, shift)]
        return ShiftTotals(name=shift.name, day=str(shift.day), totals=zone_totals((), exposures, violations))


def read_safety(
    ledger: Ledger,
    site: str,
    from_text: str | None = None,
    to_text: str | None = None,
    cameras: Sequence[str] = (),
) -> SiteSafety:
    """Read person-time and violations of a site that began in a period.

    Args:
        ledger: the ledger.
        site: name of the site.
        from_text: today, yesterday, a day or an ISO time, on the site's clocks; None for the latest day with frames.
        to_text: likewise; a day is meant up to its end.
        cameras: only of these; empty for all.

    Raises:
        UnknownSiteError: naming the sites there are.
        OptionError: for a time or camera that is none, or a site without zones.
    """
    recorded = read_report(ledger, site, from_text, to_text, tuple(cameras))
    period, stretches = recorded.period, recorded.stretches
    exposures = exposures_once(ledger.exposures(site, period.from_us, period.to_us), stretches)
    violations = violations_once(ledger.violations(site, period.from_us, period.to_us), stretches)
    own = SiteSafety(
        recorded,
        tuple(sorted((row for row in exposures if not cameras or row.stream.camera in cameras), key=_START)),
        tuple(
            violation
            for violation in violations
            if period.from_us <= violation.start_us < period.to_us
            and (not cameras or violation.stream.camera in cameras)
        ),
    )
    if not (own.exposures or own.violations or any(camera.zones for camera in recorded.settings.cameras.values())):
        whose = f"cameras {', '.join(cameras)} of site {site}" if cameras else f"site {site}"
        raise OptionError(f"no zones are set for {whose}; add `zones` to a camera of its settings")
    return own


def _begun(rows: Sequence[Exposure | Violation], shift: WorkedShift) -> slice:
    """Return where those rows stand, of rows by start, that begin in a shift."""
    return slice(bisect_left(rows, shift.start_us, key=_START), bisect_left(rows, shift.end_us, key=_START))
