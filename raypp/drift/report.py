"""Report of a check: for each camera and period whether it drifted, how sure that is, and what changed."""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from raypp.drift.code_counts import CODES, block_grid, place_grid
from raypp.drift.profile import ProfileKind
from raypp.drift.verdict import ProfileVerdict, changed_blocks
from raypp.text.wording import counted

_MOST_NAMED = 3


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class DriftPart(_Value):
    """One part that was judged: its distance as a multiple of the usual one, and the chance of it on a quiet period."""

    name: str
    ratio: float
    p: float


class CameraDrift(_Value):
    """One camera, period and kind of profile."""

    site: str
    camera: str
    kind: ProfileKind
    under: str
    period: str
    frames: int
    drifted: bool
    p: float
    adjusted_p: float
    changes: list[str]
    parts: list[DriftPart]


class DriftReport(_Value):
    """Report of a check: all that was judged, and what could not be."""

    alpha: float
    reference_periods: int
    checked: list[CameraDrift]
    not_judged: list[str]

    @property
    def drifted(self) -> list[CameraDrift]:
        """Those that drifted."""
        return [camera for camera in self.checked if camera.drifted]


def camera_drift(verdict: ProfileVerdict) -> CameraDrift:
    """Put a verdict into the words of a report."""
    profile, subject = verdict.profile, verdict.profile.subject
    parts = sorted(verdict.parts, key=lambda part: part.p)
    changes = (_codes(verdict) if CODES in profile.tables else _detections(verdict)) if verdict.drifted else []
    return CameraDrift(
        site=subject.site,
        camera=subject.camera,
        kind=subject.kind,
        under=subject.under,
        period=profile.period,
        frames=profile.frames,
        drifted=verdict.drifted,
        p=verdict.p,
        adjusted_p=verdict.adjusted_p,
        changes=changes,
        parts=[DriftPart(name=part.name, ratio=round(part.ratio, 3), p=part.p) for part in parts],
    )


def _codes(verdict: ProfileVerdict) -> list[str]:
    blocks = changed_blocks(verdict)
    subject = verdict.profile.subject
    all_rows, all_columns = block_grid(place_grid(subject.rows, subject.columns))
    total = all_rows * all_columns
    if not blocks:
        return ["codes changed in the whole frame"]
    if len(blocks) > total / 2:
        return [f"codes changed in {len(blocks) / total:.0%} of the frame: lens, light, weather, or the whole scene"]
    rows, columns = np.divmod(np.array(blocks), all_columns)
    down = f"{rows.min() / all_rows:.0%} to {(rows.max() + 1) / all_rows:.0%} down"
    across = f"{columns.min() / all_columns:.0%} to {(columns.max() + 1) / all_columns:.0%} across"
    return [f"codes changed in {len(blocks) / total:.0%} of the frame, {across} and {down}"]


def _detections(verdict: ProfileVerdict) -> list[str]:
    profile, mean = verdict.profile, verdict.reference.tables
    ordered = sorted(verdict.parts, key=lambda part: part.p)
    lines = []
    for part in [part for part in ordered if part.p * len(ordered) <= max(verdict.p, 0.01)][:_MOST_NAMED]:
        own, usual = profile.tables[part.name], mean[part.name]
        lines.append(_DESCRIPTIONS[part.name](own, usual, profile.classes))
    return lines


def _classes(own: Any, usual: Any, classes: tuple[str, ...]) -> str:
    order = np.argsort(-np.abs(own - usual))[:_MOST_NAMED]
    shown = ", ".join(f"{classes[number]} {usual[number]:.0%} to {own[number]:.0%}" for number in order)
    return f"class mix: {shown}"


def _sizes(own: Any, usual: Any, _classes: tuple[str, ...]) -> str:
    middle = np.arange(len(own)) - len(own) + 0.5
    return f"typical box area: {_area(usual @ middle)} to {_area(own @ middle)} of the frame"


def _area(power: float) -> str:
    return f"{2**power:.2%}"


def _confidence(own: Any, usual: Any, _classes: tuple[str, ...]) -> str:
    middle = (np.arange(len(own)) + 0.5) / len(own)
    return f"mean confidence: {usual @ middle:.2f} to {own @ middle:.2f}"


def _places(own: Any, usual: Any, _classes: tuple[str, ...]) -> str:
    return f"places of boxes: {np.abs(own - usual).sum() / 2:.0%} of them are elsewhere"


def _per_frame(own: Any, usual: Any, _classes: tuple[str, ...]) -> str:
    numbers = np.arange(len(own))
    return f"detections a frame: {usual @ numbers:.2f} to {own @ numbers:.2f}"


def _hours(own: Any, usual: Any, _classes: tuple[str, ...]) -> str:
    both = (own[:, 1] > 0) & (usual[:, 1] > 0)
    rates, usually = own[both, 0] / own[both, 0].sum(), usual[both, 0] / usual[both, 0].sum()
    hour = int(np.flatnonzero(both)[np.argmax(np.abs(rates - usually))])
    return f"hours of the day: most changed at {hour:02d}:00, {usual[hour, 0]:.2f} to {own[hour, 0]:.2f} a frame"


_DESCRIPTIONS = {
    "classes": _classes,
    "sizes": _sizes,
    "confidence": _confidence,
    "places": _places,
    "per_frame": _per_frame,
    "hours": _hours,
}


def report_lines(report: DriftReport) -> list[str]:
    """Return the lines of a report: what drifted first, then what could not be judged."""
    lines = []
    for camera in report.drifted:
        where = f"{camera.site}/{camera.camera}  {camera.period}  {camera.kind.value}"
        lines.append(f"DRIFT  {where}  p {camera.adjusted_p:.1g} of {counted(len(report.checked), 'check')}")
        lines += [f"       {change}" for change in camera.changes]
    lines += [f"not judged: {reason}" for reason in report.not_judged]
    return lines


def metric_lines(report: DriftReport, at_s: float) -> list[str]:
    """Return a check as metrics in Prometheus' text format: counts by kind, and when it was; no name of a camera.

    Args:
        report: of the check.
        at_s: when it was, seconds since 1970.
    """
    lines = [
        "# HELP raypp_drift_profiles Profiles of cameras and days that the latest check of drift judged.",
        "# TYPE raypp_drift_profiles gauge",
    ]
    for kind in ProfileKind:
        states = [camera.drifted for camera in report.checked if camera.kind is kind]
        for state, number in (("drifted", sum(states)), ("quiet", len(states) - sum(states))):
            lines.append(f'raypp_drift_profiles{{kind="{kind.value}",state="{state}"}} {number}')
    return [
        *lines,
        "# HELP raypp_drift_not_judged Subjects that the latest check of drift has no reference for.",
        "# TYPE raypp_drift_not_judged gauge",
        f"raypp_drift_not_judged {len(report.not_judged)}",
        "# HELP raypp_drift_checked_timestamp_seconds When the latest check of drift was done.",
        "# TYPE raypp_drift_checked_timestamp_seconds gauge",
        f"raypp_drift_checked_timestamp_seconds {at_s:.3f}",
    ]
