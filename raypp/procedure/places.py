"""Places at which a procedure is done: each has executions of its own."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from raypp.procedure.prescription import Prescription
from raypp.usage.episode import Episode
from raypp.usage.rules import EVERY_STATION, Mode
from raypp.usage.settings import SiteSettings


@dataclass(frozen=True, slots=True)
class WorkPlace:
    """A place that cameras watch.

    Attributes:
        cameras: their names; several where they see one place together.
        station: at which it is done; empty for all that they see.
    """

    cameras: tuple[str, ...]
    station: str


def work_places(prescription: Prescription, settings: SiteSettings, cameras: Collection[str]) -> list[WorkPlace]:
    """List the places of a procedure, by camera and station.

    Args:
        prescription: the procedure.
        settings: of the site.
        cameras: of the site; of a procedure that names its own, these.
    """
    rules = prescription.rules
    own = sorted(rules.cameras or {*cameras, *settings.cameras})
    groups = [tuple(own)] if rules.together else [(camera,) for camera in own]
    places = []
    for group in groups:
        watched = [settings.cameras[camera] for camera in group if camera in settings.cameras]
        stations = {station for camera in watched for station in camera.stations}
        wanted = [station for station in rules.stations if station in stations] if rules.stations else [""]
        places += [WorkPlace(group, station) for station in wanted if _watched(prescription, settings, group)]
    return places


def _watched(prescription: Prescription, settings: SiteSettings, cameras: tuple[str, ...]) -> bool:
    """Say whether cameras could see one of the steps: rules with stations watch only cameras that have one."""
    tools = {tool for step in prescription.steps for tool in step.tools}
    return any(watches(settings, camera, tool) for camera in cameras for tool in tools)


def watches(settings: SiteSettings, camera: str, tool: str) -> bool:
    """Say whether a camera watches for a tool."""
    about = settings.cameras.get(camera)
    stations = set(about.stations) if about else set()
    return any(
        not rule.stations or bool(stations & set(rule.stations)) or (EVERY_STATION in rule.stations and bool(stations))
        for rule in settings.tools
        if rule.tool == tool
    )


class PlaceEpisodes:
    """Episodes of a place, as a procedure looks at them.

    Attributes:
        of_steps: whatever may be a step, or a use of a tool that is none.
        of_execution: during which an execution is under way, where it is one that `during` names.
    """

    def __init__(
        self, prescription: Prescription, settings: SiteSettings, place: WorkPlace, episodes: Iterable[Episode]
    ) -> None:
        rules = prescription.rules
        execution = rules.execution
        ignored = {*rules.ignore, *_unused(settings)}
        own = [episode for episode in episodes if episode.stream.camera in place.cameras]
        within = [episode for episode in own if place.station in {"", episode.station}]
        during_at = execution.station or place.station
        self.of_execution = [
            episode for episode in own if episode.tool == execution.during and during_at in {"", episode.station}
        ]
        self.of_steps = list(_looked_at(prescription, within, ignored))


def _looked_at(prescription: Prescription, episodes: Iterable[Episode], ignored: set[str]) -> Iterator[Episode]:
    during = prescription.rules.execution.during
    for episode in episodes:
        step = prescription.label_of(episode.tool, episode.station) is not None
        if step or (episode.tool not in ignored and episode.tool != during):
            yield episode


def _unused(settings: SiteSettings) -> set[str]:
    """Names of lanes that tell of no use: safety equipment, and who should wear it."""
    worn = [rule for rule in settings.tools if rule.mode is Mode.WORN]
    return {name for rule in worn for name in (rule.tool, rule.wearer)}
