"""Short ways to write uses of tools, and to judge them."""

from collections.abc import Iterable, Sequence

from raypp.procedure.judging import JudgedExecution, judge_executions
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.observation import Observation
from raypp.usage.settings import SiteSettings
from raypp.usage.spans import Spans, without

S = 1_000_000
DAY = 20_000 * 86_400 * S
"""Midnight of some day, UTC."""


def settings(
    procedures: str, tools: str = "a b c d e part", stations: Sequence[str] = (), more: str = ""
) -> SiteSettings:
    """Settings of a site: tools in mode present, and procedures as YAML."""
    at = f", stations: [{', '.join(stations)}]" if stations else ""
    polygon = "[[0, 0], [1, 0], [1, 1]]"
    cameras = "".join(f"      {station}: {polygon}\n" for station in stations)
    return SiteSettings.parse(
        "tools:\n"
        + "".join(f"  - {{class: {tool}, min_on_s: 1, max_gap_s: 1{at}}}\n" for tool in tools.split())
        + (f"cameras:\n  cam:\n    stations:\n{cameras}" if stations else "")
        + more
        + "procedures:\n"
        + procedures,
        "settings",
    )


def use(
    tool: str,
    start_s: float,
    end_s: float,
    *,
    station: str = "",
    camera: str = "cam",
    reason: CloseReason | None = CloseReason.ENDED,
) -> Episode:
    """One use; without a reason it is open."""
    stream = StreamName("site", camera, 1)
    start_us, end_us = DAY + round(start_s * S), DAY + round(end_s * S)
    name = episode_id(stream, tool, station, start_us, "")
    state = EpisodeState.OPEN if reason is None else EpisodeState.FINAL
    return Episode(name, stream, tool, station, start_us, end_us, end_us - start_us, state, reason)


def seen(end_s: float, *blind: tuple[float, float], camera: str = "cam", start_s: float = -3600) -> list[Stretch]:
    """Stretches of a camera that saw all but the blind times, in seconds of the day."""
    stream = StreamName("site", camera, 1)
    covered: Spans = tuple((DAY + round(start * S), DAY + round(end * S)) for start, end in blind)
    whole: Spans = ((DAY + round(start_s * S), DAY + round(end_s * S)),)
    return [Stretch(stream, start, end, Observation.OBSERVED) for start, end in without(whole, covered)] + [
        Stretch(stream, start, end, Observation.COVERED) for start, end in covered
    ]


def judged(
    site: SiteSettings, uses: Iterable[Episode], stretches: Sequence[Stretch] | None = None, until_s: float = 3600
) -> list[JudgedExecution]:
    """Judge uses of one camera that saw everything, unless stretches say otherwise."""
    return judge_executions(
        site, "site", uses, seen(until_s) if stretches is None else stretches, DAY + round(until_s * S)
    )


def words(execution: JudgedExecution) -> list[str]:
    """Its verdicts, such as `a done` or `b done too_short`; a stranger's tool by its own name."""
    return [
        " ".join([step.step or (step.use.tool if step.use else ""), *(verdict.value for verdict in step.verdicts)])
        for step in execution.judgement.steps
    ]
