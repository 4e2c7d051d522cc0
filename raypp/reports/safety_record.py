"""Compliance with the rules of zones as rows: the same fields as JSON, CSV and Parquet."""

from collections.abc import Iterable
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from raypp.reports.wording import iso
from raypp.usage.coverage import Coverage, ReportPart
from raypp.usage.rules import Zone
from raypp.usage.steps import STATE_NAMES
from raypp.usage.violation import CannotTell, Exposure, Violation, ViolationKind

ZoneRule = tuple[str, str, ViolationKind, str]
"""Camera, zone, kind, and the item that is not worn; empty for other kinds."""

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


def zone_rules(camera: str, name: str, zone: Zone) -> list[ZoneRule]:
    """List the rules of a zone of a camera."""
    rules = [(camera, name, ViolationKind.NOT_WORN, item) for item in zone.require]
    others = [ViolationKind[kind.upper()] for kind in zone.kinds if kind != "require"]
    return [*rules, *((camera, name, kind, "") for kind in others)]


def zone_totals(
    rules: Iterable[ZoneRule], exposures: Iterable[Exposure], violations: Iterable[Violation]
) -> list[ZoneTotal]:
    """Sum up by rule: those given first, also without anything, then all others that occur."""
    times: dict[ZoneRule, list[Exposure]] = {}
    for row in exposures:
        times.setdefault((row.stream.camera, row.zone, ViolationKind.NOT_WORN, row.item), []).append(row)
    broken: dict[ZoneRule, list[Violation]] = {}
    for violation in violations:
        rule = (violation.stream.camera, violation.zone, violation.kind, violation.item)
        broken.setdefault(rule, []).append(violation)
    ordered = dict.fromkeys((*rules, *sorted({*times, *broken})))
    return [_total(rule, times.get(rule, ()), broken.get(rule, ())) for rule in ordered]


def _total(rule: ZoneRule, exposures: Iterable[Exposure], violations: Iterable[Violation]) -> ZoneTotal:
    camera, zone, kind, item = rule
    rows, lengths = list(exposures), [violation.end_us - violation.start_us for violation in violations]
    worn_us, not_worn_us = sum(row.worn_us for row in rows), sum(row.not_worn_us for row in rows)
    doubts_us = {reason: sum(row.doubts_us[reason] for row in rows) for reason in CannotTell}
    told_us, untold_us = worn_us + not_worn_us, sum(doubts_us.values())
    counts = kind is ViolationKind.NOT_WORN
    return ZoneTotal(
        camera=camera,
        zone=zone,
        kind=kind.name.lower(),
        item=item,
        worn_s=worn_us / 1e6 if counts else None,
        not_worn_s=not_worn_us / 1e6 if counts else None,
        cannot_tell_s=untold_us / 1e6 if counts else None,
        worn_share=worn_us / told_us if told_us else None,
        cannot_tell_share=untold_us / (told_us + untold_us) if told_us + untold_us else None,
        reasons_s={reason.name.lower(): us / 1e6 for reason, us in doubts_us.items() if us},
        violations=len(lengths),
        violations_s=sum(lengths) / 1e6,
    )
