"""Coverage as rows: per station, tool and camera, over the whole range and in each shift."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from raypp.usage.coverage import Coverage
from raypp.usage.report import SiteReport, UseTotal

WHOLE = "whole range"


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How much of a stretch of time something was used, not used, and not observed.

    Attributes:
        when: name of the shift, or `WHOLE`.
        day: local date on which the shift starts; empty for the whole range.
        kind: station, tool or camera.
        name: of the station, tool or camera.
        used_s, not_used_s: seconds; None for a camera, which sees or does not.
        observed_s, not_observed_s: seconds; together the whole stretch.
        reasons_s: of a camera, seconds not seen by reason.
    """

    when: str
    day: str
    kind: str
    name: str
    used_s: float | None
    not_used_s: float | None
    observed_s: float
    not_observed_s: float
    reasons_s: dict[str, float]

    @property
    def total_s(self) -> float:
        """Seconds of the whole stretch."""
        return self.observed_s + self.not_observed_s

    @property
    def observed_share(self) -> float:
        """Observed, of the whole; 0 to 1."""
        return self.observed_s / self.total_s if self.total_s else 0.0


def coverage_rows(report: SiteReport) -> tuple[CoverageRow, ...]:
    """Return the whole range first, then shifts in order; each by station, then tool, then camera."""
    rows = _part(WHOLE, "", report.stations, report.tools, report.coverage)
    for shift in report.shifts:
        rows += _part(shift.name, shift.day, shift.stations, shift.tools, shift.coverage)
    return tuple(rows)


def observed_share(coverage: Sequence[Coverage]) -> float:
    """How much of the time cameras saw, all together; 0 without any."""
    observed = sum(camera.observed_s for camera in coverage)
    total = observed + sum(camera.not_observed_s for camera in coverage)
    return observed / total if total else 0.0


def worn_share(report: SiteReport) -> float | None:
    """How much of the time in which somebody was seen safety equipment was worn; None where nobody was."""
    seen = sum(row.seen_s for row in report.worn)
    return sum(row.worn_s for row in report.worn) / seen if seen else None


def _part(
    when: str, day: str, stations: Iterable[UseTotal], tools: Iterable[UseTotal], cameras: Iterable[Coverage]
) -> list[CoverageRow]:
    rows = []
    for kind, totals in (("station", stations), ("tool", tools)):
        for total in totals:
            states = total.states
            observed = states.used_s + states.not_used_s
            rows.append(
                CoverageRow(
                    when, day, kind, total.name, states.used_s, states.not_used_s, observed, states.not_observed_s, {}
                )
            )
    for camera in cameras:
        seen, unseen = camera.observed_s, camera.not_observed_s
        rows += [CoverageRow(when, day, "camera", camera.camera, None, None, seen, unseen, camera.reasons_s)]
    return rows
