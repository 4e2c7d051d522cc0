"""Person-time and violations summed up by the rules of a site's zones."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from raypp.reports.safety_record import ZoneTotal
from raypp.usage.exposures import TIMES, Exposures
from raypp.usage.rules import Zone
from raypp.usage.settings import SiteSettings
from raypp.usage.violation import CannotTell, ViolationKind
from raypp.usage.violations import Violations

ZoneRule = tuple[str, str, ViolationKind, str]
"""Camera, zone, kind, and the item that is not worn; empty for other kinds."""


def site_rules(settings: SiteSettings) -> list[ZoneRule]:
    """List the rules of all zones of a site, in the order of its settings."""
    return [
        rule
        for camera, watched in settings.cameras.items()
        for name, place in watched.zones.items()
        for rule in _rules(camera, name, place)
    ]


def zone_totals(rules: Iterable[ZoneRule], exposures: Exposures, violations: Violations) -> list[ZoneTotal]:
    """Sum up by rule: those given first, also without anything, then all others that occur."""
    times_us = np.zeros((len(exposures.lanes), TIMES), np.int64)
    np.add.at(times_us, exposures.lane, exposures.times_us)
    lengths_us = np.zeros(len(violations.lanes), np.int64)
    np.add.at(lengths_us, violations.lane, violations.end_us - violations.start_us)
    counts = np.bincount(violations.lane, minlength=len(violations.lanes))
    times: dict[ZoneRule, npt.NDArray[np.int64]] = {}
    for number in np.unique(exposures.lane).tolist():
        stream, zone, item = exposures.lanes[number]
        rule = (stream.camera, zone, ViolationKind.NOT_WORN, item)
        times[rule] = times.get(rule, _NONE) + times_us[number]
    broken: dict[ZoneRule, tuple[int, int]] = {}
    for number in np.unique(violations.lane).tolist():
        stream, kind, zone, item = violations.lanes[number]
        rule = (stream.camera, zone, kind, item)
        before = broken.get(rule, (0, 0))
        broken[rule] = (before[0] + int(counts[number]), before[1] + int(lengths_us[number]))
    ordered = dict.fromkeys((*rules, *sorted({*times, *broken})))
    return [_total(rule, times.get(rule, _NONE).tolist(), broken.get(rule, (0, 0))) for rule in ordered]


_NONE = np.zeros(TIMES, np.int64)


def _rules(camera: str, name: str, zone: Zone) -> list[ZoneRule]:
    rules = [(camera, name, ViolationKind.NOT_WORN, item) for item in zone.require]
    others = [ViolationKind[kind.upper()] for kind in zone.kinds if kind != "require"]
    return [*rules, *((camera, name, kind, "") for kind in others)]


def _total(rule: ZoneRule, times_us: list[int], broken: tuple[int, int]) -> ZoneTotal:
    camera, zone, kind, item = rule
    worn_us, not_worn_us = times_us[:2]
    doubts_us = dict(zip(CannotTell, times_us[2:], strict=True))
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
        violations=broken[0],
        violations_s=broken[1] / 1e6,
    )
