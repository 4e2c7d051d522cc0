"""Verdicts on executions: what was done, what is missing, what came at the wrong time, and what nobody can say."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from raypp.procedure.alignment import Aligner, LabelledUse, StepAlignment
from raypp.procedure.executions import MOST_USES, Execution
from raypp.procedure.places import watches
from raypp.procedure.prescription import Due, Prescription
from raypp.procedure.sight import PlaceSight
from raypp.procedure.uses import StepUse
from raypp.usage.coverage import Sight
from raypp.usage.procedure_rules import Deviation
from raypp.usage.settings import SiteSettings


class StepVerdict(Enum):
    """A verdict on a step, on a use that is none, or on an execution."""

    DONE = "done"
    MISSING = "missing"
    OUT_OF_ORDER = "out_of_order"
    EXTRA = "extra"
    REPEATED = "repeated"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_LATE = "too_late"
    CANNOT_TELL = "cannot_tell"
    NOT_OBSERVED = "not_observed"
    OPEN = "open"


DEVIATIONS = frozenset(StepVerdict(deviation.value) for deviation in Deviation)
"""Verdicts that say that something was not done as prescribed."""


class ExecutionOutcome(Enum):
    """An execution as a whole."""

    CONFORMING = "conforming"
    DEVIATING = "deviating"
    CANNOT_TELL = "cannot_tell"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """One time of a step, or one use that is no step at its place.

    Attributes:
        step: its name; None for a tool that is no step.
        time: which time of the step, from 1; 0 where the use is none of them.
        verdicts: what is said of it: one that says whether it was done, and what else is wrong with it.
        use: what it was; None where there was none.
        note: why nobody can tell; else empty.
    """

    step: str | None
    time: int
    verdicts: tuple[StepVerdict, ...]
    use: StepUse | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """An execution with its verdicts.

    Attributes:
        execution: what was found.
        steps: in the order of uses; what was not done stands where it should have been.
        verdicts: on the whole.
        fitness: share of what is as prescribed, 0 to 1, of what was observed.
        note: why nobody can tell; else empty.
    """

    execution: Execution
    steps: tuple[JudgedStep, ...]
    verdicts: tuple[StepVerdict, ...]
    fitness: float
    note: str = ""

    @property
    def duration_s(self) -> float:
        """How long it lasted, from its beginning to its end."""
        return (self.execution.end_us - self.execution.start_us) / 1e6

    @property
    def deviations(self) -> list[StepVerdict]:
        """Every deviation in it, one for each time."""
        verdicts = [verdict for step in self.steps for verdict in step.verdicts]
        return [verdict for verdict in (*verdicts, *self.verdicts) if verdict in DEVIATIONS]

    @property
    def all_verdicts(self) -> frozenset[StepVerdict]:
        """All verdicts in it."""
        return frozenset(verdict for step in self.steps for verdict in step.verdicts) | set(self.verdicts)

    @property
    def outcome(self) -> ExecutionOutcome:
        """Say what it is as a whole."""
        if self.all_verdicts & DEVIATIONS:
            return ExecutionOutcome.DEVIATING
        if self.all_verdicts & {StepVerdict.CANNOT_TELL, StepVerdict.NOT_OBSERVED}:
            return ExecutionOutcome.CANNOT_TELL
        return ExecutionOutcome.OPEN if self.execution.open else ExecutionOutcome.CONFORMING


class Judge:
    """Compares executions with one procedure.

    Args:
        prescription: the procedure.
        settings: of the site.
        sights: what each camera saw.

    Raises:
        OptionError: if pm4py is not installed.
    """

    def __init__(self, prescription: Prescription, settings: SiteSettings, sights: Mapping[str, Sight]) -> None:
        self._prescription = prescription
        self._settings = settings
        self._sights = sights
        self._aligner = Aligner(prescription)
        self._sight_of: dict[tuple[int, tuple[str, ...]], PlaceSight] = {}
        most: dict[int, int] = {}
        for step, label in zip(prescription.steps, prescription.labels, strict=True):
            most[label] = most.get(label, 0) + step.most
        self._most = most
        shortest = {rule.tool: rule.min_on_s for rule in settings.tools}
        self._shortest_s = [max(shortest.get(tool, 0.0) for tool in step.tools) for step in prescription.steps]

    def judge(self, execution: Execution) -> Judgement:
        """Say what is as prescribed in an execution, and what is not."""
        known = [use for use in execution.uses if use.label is not None]
        alignment = self._aligner.align(self._labelled(known))
        placed, left_out = self._placed(execution, known, alignment)
        strangers = [JudgedStep(None, 0, (StepVerdict.EXTRA,), use) for use in execution.uses if use.label is None]
        steps = sorted([*placed, *strangers], key=_by_use)
        self._insert(steps, left_out)
        verdicts, note = self._on_whole(execution)
        fitness = self._fitness(execution, alignment.cost + len(strangers), steps)
        return Judgement(execution, tuple(steps), verdicts, fitness, note)

    def _labelled(self, uses: Sequence[StepUse]) -> list[LabelledUse]:
        """Where a step was done more often than it may be, the use that lasts as long as it should is the step."""
        labels = [use.label for use in uses if use.label is not None]
        surplus = {label for label in set(labels) if labels.count(label) > self._most[label]}
        return [
            LabelledUse(label, label not in surplus or self._prescription.fits(label, use.end_us - use.start_us))
            for label, use in zip(labels, uses, strict=True)
        ]

    def _placed(
        self, execution: Execution, uses: Sequence[StepUse], alignment: StepAlignment
    ) -> tuple[list[JudgedStep], list[JudgedStep]]:
        """Say of each use what it is, and of what was left out why."""
        done = {due: use for due, use in zip(alignment.steps, uses, strict=True) if due is not None}
        left_out = list(alignment.left_out)
        placed = []
        over_us: int | None = None
        for due, use in zip(alignment.steps, uses, strict=True):
            if due is not None:
                placed.append(self._done(due, use, over_us, StepVerdict.DONE))
            else:
                steps = self._prescription.steps_with(_known(use.label))
                moved = next((lacking for lacking in left_out if lacking.step in steps), None)
                if moved is not None:
                    left_out.remove(moved)
                    placed.append(self._done(moved, use, over_us, StepVerdict.OUT_OF_ORDER))
                else:
                    placed.append(self._surplus(steps, done, use))
            over_us = use.end_us if over_us is None else max(over_us, use.end_us)
        return placed, [self._lacking(execution, due, done) for due in left_out]

    def _surplus(self, steps: Sequence[int], done: Iterable[Due], use: StepUse) -> JudgedStep:
        """Judge a use of a step that nothing lacks: done instead of another, at the wrong place, or too often."""
        times = [due.step for due in done]
        for step in steps:
            if self._prescription.instead_of[step] & set(times):
                return self._named(step, StepVerdict.EXTRA, use)
            if times.count(step) < self._prescription.steps[step].most:
                return self._named(step, StepVerdict.OUT_OF_ORDER, use)
        return self._named(steps[0], StepVerdict.REPEATED, use)

    def _named(self, step: int, verdict: StepVerdict, use: StepUse) -> JudgedStep:
        return JudgedStep(self._prescription.steps[step].name, 0, (verdict,), use)

    def _done(self, due: Due, use: StepUse, over_us: int | None, verdict: StepVerdict) -> JudgedStep:
        """Judge how long a step took, and how long it was waited for."""
        step = self._prescription.steps[due.step]
        verdicts, notes = [verdict], []
        least_s, most_s = use.least_us / 1e6, use.most_us / 1e6
        if step.max_s is not None and least_s > step.max_s:
            verdicts.append(StepVerdict.TOO_LONG)
        elif most_s < step.min_s:
            verdicts.append(StepVerdict.OPEN if use.open else StepVerdict.TOO_SHORT)
        elif least_s < step.min_s or (step.max_s is not None and most_s > step.max_s):
            verdicts.append(StepVerdict.OPEN if use.open else StepVerdict.CANNOT_TELL)
            notes += [] if use.open else ["part of it was not observed"]
        pause_s = self._prescription.rules.max_pause_s if step.max_pause_s is None else step.max_pause_s
        if pause_s is not None and over_us is not None and use.start_us - over_us > pause_s * 1e6:
            unseen_us = self._sight(due.step, use).unseen_us(over_us, use.start_us)
            if use.start_us - over_us - unseen_us > pause_s * 1e6:
                verdicts.append(StepVerdict.TOO_LATE)
            elif StepVerdict.CANNOT_TELL not in verdicts:
                verdicts.append(StepVerdict.CANNOT_TELL)
                notes.append("part of the pause before it was not observed")
        return JudgedStep(step.name, due.time + 1, tuple(verdicts), use, "; ".join(notes))

    def _lacking(self, execution: Execution, due: Due, done: Mapping[Due, StepUse]) -> JudgedStep:
        """Say whether what was left out is missing, may have been done unseen, or is still to come."""
        step = self._prescription.steps[due.step]
        before, after = self._around(due, done)
        start_us = max((use.start_us for use in before), default=execution.from_us)
        end_us = min((use.start_us for use in after), default=execution.to_us)
        hidden_us = max(0.0, step.min_s - self._shortest_s[due.step]) * 1e6
        note = ""
        if execution.cut:
            verdict, note = StepVerdict.CANNOT_TELL, f"the execution has more than {MOST_USES} uses"
        elif self._sight_at(due.step, execution.place.cameras).unseen_us(start_us, end_us) > hidden_us:
            verdict, note = StepVerdict.NOT_OBSERVED, "it may have been done while the cameras did not see"
        elif execution.open and not after:
            verdict = StepVerdict.OPEN
        else:
            verdict = StepVerdict.MISSING
        return JudgedStep(step.name, due.time + 1, (verdict,), None, note)

    def _around(self, due: Due, done: Mapping[Due, StepUse]) -> tuple[list[StepUse], list[StepUse]]:
        """Return the uses that a step must follow, and those that must follow it."""
        earlier = self._prescription.before
        before = [use for other, use in done.items() if other.step in earlier[due.step] or _precedes(other, due)]
        after = [use for other, use in done.items() if due.step in earlier[other.step] or _precedes(due, other)]
        return before, after

    def _insert(self, steps: list[JudgedStep], left_out: Iterable[JudgedStep]) -> None:
        """Put what was not done behind the last step that comes before it."""
        for lacking in left_out:
            number = self._prescription.number(lacking.step or "")
            earlier = {self._prescription.steps[first].name for first in self._prescription.before[number]} | {
                lacking.step
            }
            places = [place for place, step in enumerate(steps, 1) if step.step in earlier and step.time]
            steps.insert(max(places, default=0), lacking)

    def _on_whole(self, execution: Execution) -> tuple[tuple[StepVerdict, ...], str]:
        rules = self._prescription.rules
        verdicts, notes = [], []
        if rules.max_s is not None and execution.end_us - execution.start_us > rules.max_s * 1e6:
            verdicts.append(StepVerdict.TOO_LONG)
        if execution.cut:
            verdicts.append(StepVerdict.CANNOT_TELL)
            notes.append(f"more than {MOST_USES} uses; {execution.cut} are not compared")
        return tuple(verdicts), "; ".join(notes)

    def _fitness(self, execution: Execution, deviations: int, steps: Sequence[JudgedStep]) -> float:
        """Return 1 less the share of deviations in the most there could be, of what was observed."""
        unknown = sum(step.use is None and step.verdicts[0] is not StepVerdict.MISSING for step in steps)
        most = len(execution.uses) + max(0, self._prescription.fewest - unknown)
        return max(0.0, 1 - (deviations - unknown) / most) if most else 1.0

    def _sight(self, step: int, use: StepUse) -> PlaceSight:
        return self._sight_at(step, tuple(sorted({episode.stream.camera for episode in use.episodes})))

    def _sight_at(self, step: int, cameras: tuple[str, ...]) -> PlaceSight:
        """Return what those cameras saw together that watch for a step."""
        key = (step, cameras)
        if key not in self._sight_of:
            tools = self._prescription.steps[step].tools
            own = [name for name in cameras if any(watches(self._settings, name, tool) for tool in tools)]
            self._sight_of[key] = PlaceSight.of(self._sights, own)
        return self._sight_of[key]


def _known(label: int | None) -> int:
    if label is None:
        raise ValueError("a use of no step is not aligned")
    return label


def _precedes(first: Due, other: Due) -> bool:
    return first.step == other.step and first.time < other.time


def _by_use(step: JudgedStep) -> tuple[int, int, str]:
    use = step.use
    return (0, 0, "") if use is None else (use.start_us, use.end_us, use.episodes[0].episode_id)
