"""Compliance with the rules of zones as rows: the same fields as JSON, CSV and Parquet."""

from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from raypp.reports.wording import iso
from raypp.usage.coverage import Coverage, ReportPart
from raypp.usage.steps import STATE_NAMES
from raypp.usage.violation import Violation

_KIND = "not_worn, forbidden, most_people or alone"


class ViolationRecord(ReportPart):
    """One violation of one rule of one zone."""

    violation_id: str = Field(description="32 hex digits")
    camera: str
    stream_epoch: int = Field(description="when the site's spool of that camera was made, microseconds since 1970")
    zone: str
    kind: str = Field(description=_KIND)
    item: str = Field(description="that is not worn; empty for other kinds")
    track: int = Field(description="number of the person's track in its stream; 0: of no one person. It names nobody")
    start: str = Field(description="local time with offset, ISO 8601; the grace is over then")
    end: str = Field(description="likewise, exclusive; while it is open, its latest moment so far")
    start_us: int = Field(description="microseconds since 1970")
    end_us: int
    duration_s: float
    seen_s: float = Field(description="seconds within it that it was seen; bridged gaps not counted")
    sure: float = Field(description="how sure the evidence makes it, 0 to 1")
    state: Literal["open", "provisional", "final"]
    reason: str | None = Field(description="why it ended; none while it is open")


class ZoneTotal(ReportPart):
    """Person-time and violations of one rule of one zone."""

    camera: str
    zone: str
    kind: str = Field(description=_KIND)
    item: str = Field(description="that is to be worn; empty for other kinds")
    worn_s: float | None = Field(description="person-seconds; none, as in all that follow: the rule is of no item")
    not_worn_s: float | None
    cannot_tell_s: float | None
    worn_share: float | None = Field(description="worn, of what can be told, 0 to 1; none: nothing can")
    cannot_tell_share: float | None = Field(description="of all person-time, 0 to 1; none: nobody was there")
    reasons_s: dict[str, float] = Field(
        description="person-seconds that cannot be told by reason: too_small, hidden, cut, turned_away, blind; "
        "only reasons that occur"
    )
    violations: int = Field(description="that began")
    violations_s: float = Field(description="seconds that they lasted, all together")


class ShiftTotals(ReportPart):
    """One shift of one day: what began in it and in the range."""

    name: str = Field(description="name of the shift")
    day: str = Field(description="local date on which it starts, YYYY-MM-DD")
    totals: list[ZoneTotal] = Field(description="of rules for which there is anything")


class DayTotals(ReportPart):
    """One day of the site: what began on it and in the range."""

    day: str = Field(description="local date, YYYY-MM-DD")
    totals: list[ZoneTotal] = Field(description="of rules for which there is anything")


class SafetyReport(ReportPart):
    """Person-time and violations of a site's zones that began in a range."""

    site: str
    time_zone: str
    start: str = Field(description="local time with offset, ISO 8601")
    end: str
    from_us: int = Field(description="microseconds since 1970")
    to_us: int = Field(description="exclusive")
    coverage: list[Coverage] = Field(description="of cameras with zones")
    totals: list[ZoneTotal] = Field(description="by camera and zone, in the order of the settings")
    days: list[DayTotals] = Field(description="every day of the range, by date")
    shifts: list[ShiftTotals] = Field(description="by start")
    violations: list[ViolationRecord] = Field(description="by start")


def violation_record(violation: Violation, zone: ZoneInfo) -> ViolationRecord:
    """Return a violation as a row, its local times in a site's zone."""
    return ViolationRecord(
        violation_id=violation.violation_id,
        camera=violation.stream.camera,
        stream_epoch=violation.stream.epoch,
        zone=violation.zone,
        kind=violation.kind.name.lower(),
        item=violation.item,
        track=violation.track,
        start=iso(violation.start_us, zone),
        end=iso(violation.end_us, zone),
        start_us=violation.start_us,
        end_us=violation.end_us,
        duration_s=(violation.end_us - violation.start_us) / 1e6,
        seen_s=violation.seen_us / 1e6,
        sure=violation.sure,
        state=STATE_NAMES[violation.state],
        reason=violation.reason.name.lower() if violation.reason else None,
    )
