"""Lanes: what one camera watches for. Each is one tool at one station, in use or not at every moment."""

from collections.abc import Sequence
from dataclasses import dataclass

from raypp.geometry.boxes import Point
from raypp.usage.rules import EVERY_STATION, Mode, ToolRules
from raypp.usage.settings import SiteSettings


@dataclass(frozen=True)
class Lane:
    """One tool at one station of one camera.

    Attributes:
        tool: what reports call it.
        station: name of the station; empty for the whole frame.
        polygon: the station's border; None for the whole frame.
        rules: when it counts as in use.
        wearer: whether this lane watches for those who should wear the equipment, not for the equipment.
    """

    tool: str
    station: str
    polygon: tuple[Point, ...] | None
    rules: ToolRules
    wearer: bool = False


def lanes_of(settings: SiteSettings, camera: str, rules: Sequence[ToolRules]) -> tuple[Lane, ...]:
    """List the lanes of a camera, by tool and station.

    Args:
        settings: the site's settings.
        camera: name of the camera.
        rules: the site's rules, see `SiteSettings.rules_for`.
    """
    about = settings.cameras.get(camera)
    polygons = about.stations if about else {}
    lanes = []
    for rule in rules:
        places: list[tuple[str, tuple[Point, ...] | None]] = [("", None)]
        if rule.stations:
            wanted = polygons if EVERY_STATION in rule.stations else rule.stations
            places = [(station, polygons[station]) for station in wanted if station in polygons]
        for station, polygon in places:
            lanes.append(Lane(rule.tool, station, polygon, rule))
            if rule.mode is Mode.WORN:
                lanes.append(Lane(rule.wearer, station, polygon, rule, wearer=True))
    return tuple(sorted(lanes, key=lambda lane: (lane.tool, lane.station)))
