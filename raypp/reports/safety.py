"""Compliance with the rules of a site's zones, read from its ledger."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from raypp.errors import OptionError
from raypp.ledger.store import Ledger
from raypp.reports.cameras import watching
from raypp.reports.period import Period, day
from raypp.reports.records import Recorded
from raypp.reports.request import read_report
from raypp.reports.safety_record import DayTotals, SafetyReport, ShiftTotals, ZoneTotal, violation_record
from raypp.reports.safety_totals import site_rules, zone_totals
from raypp.reports.wording import iso
from raypp.usage.coverage import Coverage, sights
from raypp.usage.exposures import Exposures
from raypp.usage.overlap import exposures_once, violations_once
from raypp.usage.shifts import WorkedShift, local, shifts_between
from raypp.usage.violations import Violations


@dataclass(frozen=True, slots=True)
class SiteSafety:
    """Person-time and violations of one site that began in a period.

    Attributes:
        recorded: the site and the period, and what its cameras saw.
        exposures: by start.
        violations: by start.
    """

    recorded: Recorded
    exposures: Exposures
    violations: Violations

    def report(self) -> SafetyReport:
        """Return them as the documented rows."""
        settings, period = self.recorded.settings, self.recorded.period
        zone, from_us, to_us = settings.zone, period.from_us, period.to_us
        totals = self.totals()
        return SafetyReport(
            site=self.recorded.site,
            time_zone=settings.time_zone,
            start=iso(from_us, zone),
            end=iso(to_us, zone),
            from_us=from_us,
            to_us=to_us,
            coverage=self.coverage(totals),
            totals=totals,
            days=list(self.days()),
            shifts=[
                ShiftTotals(name=shift.name, day=str(shift.day), totals=self.totals_within([shift]))
                for shift in shifts_between(settings.shifts, zone, from_us, to_us)
            ],
            violations=[violation_record(violation, zone) for violation in self.violations],
        )

    def totals(self) -> list[ZoneTotal]:
        """Sum up the whole period, also rules of which there is nothing."""
        return zone_totals(site_rules(self.recorded.settings), self.exposures, self.violations)

    def totals_within(self, spans: Sequence[WorkedShift | Period]) -> list[ZoneTotal]:
        """Sum up what began within spans that do not overlap, of rules for which there is anything."""
        own = [begun_within(rows, spans) for rows in (self.exposures, self.violations)]
        return zone_totals((), self.exposures.take(own[0]), self.violations.take(own[1]))

    def days(self) -> Iterator[DayTotals]:
        """Sum up each day of the site's calendar that has a part in the period."""
        zone, period = self.recorded.settings.zone, self.recorded.period
        date = local(period.from_us, zone).date()
        while (whole := day(date, zone)).from_us < period.to_us:
            yield DayTotals(day=str(date), totals=self.totals_within([whole]))
            date += timedelta(days=1)

    def coverage(self, totals: Iterable[ZoneTotal]) -> list[Coverage]:
        """Say how much the cameras saw of which there is a total."""
        period, named = self.recorded.period, {total.camera for total in totals}
        seen = sights(self.recorded.stretches, watching(self.recorded.cameras, period))
        return [sight.coverage(period.from_us, period.to_us) for camera, sight in seen.items() if camera in named]


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
    own = safety_of(ledger, read_report(ledger, site, from_text, to_text, tuple(cameras)), cameras)
    if not (len(own.exposures) or len(own.violations) or site_rules(own.recorded.settings)):
        whose = f"cameras {', '.join(cameras)} of site {site}" if cameras else f"site {site}"
        raise OptionError(f"no zones are set for {whose}; add `zones` to a camera of its settings")
    return own


def safety_of(ledger: Ledger, recorded: Recorded, cameras: Sequence[str] = (), most: int | None = None) -> SiteSafety:
    """Read person-time and violations that began in the period of a record.

    Args:
        ledger: the ledger.
        recorded: the site, the period, and what its cameras saw.
        cameras: only of these; empty for all.
        most: how many violations there may be; None: any number.

    Raises:
        OptionError: if there are more violations.
    """
    site, period, stretches = recorded.site, recorded.period, recorded.stretches
    exposures = exposure_of(ledger, recorded)
    limit = None if most is None else most + 1
    violations = ledger.violation_columns(site, period.from_us, period.to_us, limit)
    if most is not None and len(violations) > most:
        raise OptionError(f"the range has more than {most:,} violations; ask for a shorter one")
    violations = violations_once(violations, stretches)
    own = (violations.start_us >= period.from_us) & (violations.start_us < period.to_us)
    if cameras:
        own &= _of(violations, cameras)
        exposures = exposures.take(_of(exposures, cameras))
    return SiteSafety(recorded, exposures, violations.take(own))


def exposure_of(ledger: Ledger, recorded: Recorded) -> Exposures:
    """Read the person-time that began in the period of a record, by start."""
    period = recorded.period
    return exposures_once(ledger.exposure_columns(recorded.site, period.from_us, period.to_us), recorded.stretches)


def _of(rows: Exposures | Violations, cameras: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Which rows are of some cameras."""
    return np.array([stream.camera in cameras for stream, *_ in rows.lanes], bool)[rows.lane]


def begun_within(rows: Exposures | Violations, spans: Iterable[WorkedShift | Period]) -> npt.NDArray[np.int64]:
    """Return the places of those rows, of rows by start, that begin in one of some spans."""
    ends = [
        (span.start_us, span.end_us) if isinstance(span, WorkedShift) else (span.from_us, span.to_us) for span in spans
    ]
    edges = [rows.start_us.searchsorted(span).tolist() for span in ends]
    return np.concatenate([np.arange(0), *(np.arange(first, last) for first, last in edges)])
