"""All executions of a site's procedures, judged: a pure function of episodes, stretches and settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from raypp.procedure.executions import Execution, find_executions, overlapping
from raypp.procedure.places import PlaceEpisodes, WorkPlace, work_places
from raypp.procedure.prescription import Prescription
from raypp.procedure.sight import PlaceSight
from raypp.procedure.verdict import ExecutionOutcome, Judge, Judgement
from raypp.usage.coverage import Sight, sights
from raypp.usage.episode import Episode, Stretch
from raypp.usage.overlap import counted_once
from raypp.usage.settings import SiteSettings


@dataclass(frozen=True, slots=True)
class JudgedExecution:
    """One execution, as a site's report has it.

    Attributes:
        execution_id: 32 hex digits, the same whenever it is found again.
        judgement: what is said of it.
        median_s: how long the procedure lasts at this site, in the middle; None where none has ended.
        overlaps: ids of executions at its place at the same time: whose a use is, nobody can say.
    """

    execution_id: str
    judgement: Judgement
    median_s: float | None
    overlaps: tuple[str, ...]

    @property
    def execution(self) -> Execution:
        """The execution itself."""
        return self.judgement.execution

    @property
    def outcome(self) -> ExecutionOutcome:
        """Say what it is as a whole; of one that overlaps with another, nobody can say."""
        return ExecutionOutcome.CANNOT_TELL if self.overlaps else self.judgement.outcome


def judge_executions(
    settings: SiteSettings,
    site: str,
    episodes: Iterable[Episode],
    stretches: Sequence[Stretch],
    until_us: int,
) -> list[JudgedExecution]:
    """Find the executions of all procedures of a site, and compare each with its procedure.

    Args:
        settings: of the site; those of today.
        site: its name.
        episodes: in any order.
        stretches: of the same time.
        until_us: up to when everything is known.

    Returns:
        By start, then procedure and place.

    Raises:
        OptionError: if pm4py is not installed, and the site has procedures.
    """
    once, _ = counted_once(episodes, stretches)
    seen = sights(stretches, {episode.stream.camera for episode in once})
    judged: list[Judgement] = []
    for rules in settings.procedures:
        prescription = Prescription(rules)
        judge = Judge(prescription, settings, seen)
        for place in work_places(prescription, settings, seen):
            listed = executions_at(prescription, settings, place, once, seen, until_us)
            judged += [judge.judge(execution) for execution in listed]
    return _together(judged, site)


def executions_at(
    prescription: Prescription,
    settings: SiteSettings,
    place: WorkPlace,
    episodes: Iterable[Episode],
    seen: Mapping[str, Sight],
    until_us: int,
) -> list[Execution]:
    """Find the executions of a procedure at one place, by start.

    Args:
        prescription: the procedure.
        settings: of the site.
        place: the place.
        episodes: of the site, each counted once.
        seen: what each camera saw.
        until_us: up to when everything is known.
    """
    own = PlaceEpisodes(prescription, settings, place, episodes)
    return find_executions(prescription, settings, place, own, PlaceSight.of(seen, place.cameras), until_us)


def _together(judged: Sequence[Judgement], site: str) -> list[JudgedExecution]:
    """Say which overlap, and how long a procedure usually lasts."""
    lasting: dict[str, list[float]] = {}
    for first in judged:
        if not first.execution.open:
            lasting.setdefault(first.execution.procedure, []).append(first.duration_s)
    medians = {procedure: median(durations) for procedure, durations in lasting.items()}
    beside: dict[str, list[str]] = {}
    for execution, other in overlapping([judgement.execution for judgement in judged]):
        names = execution.identity(site), other.identity(site)
        beside.setdefault(names[0], []).append(names[1])
        beside.setdefault(names[1], []).append(names[0])
    executions = []
    for judgement in judged:
        name = judgement.execution.identity(site)
        usual_s = medians.get(judgement.execution.procedure)
        executions.append(JudgedExecution(name, judgement, usual_s, tuple(sorted(beside.get(name, ())))))
    return sorted(
        executions, key=lambda first: (first.execution.start_us, first.execution.procedure, first.execution_id)
    )
