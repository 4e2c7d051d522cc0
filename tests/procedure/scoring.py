"""How well verdicts on made benches agree with what was planted."""

from collections import Counter
from dataclasses import dataclass, field

from raypp.demo.procedures import SITE, PlantedDeviation, ProcedureBench, TrueExecution
from raypp.procedure.executions import Execution
from raypp.procedure.judging import JudgedExecution, judge_executions
from raypp.procedure.verdict import ExecutionOutcome, StepVerdict


@dataclass
class Score:
    """Found, falsely found and not found deviations by kind; and steps that were done, hidden, and called missing."""

    hits: Counter[PlantedDeviation] = field(default_factory=Counter)
    false: Counter[PlantedDeviation] = field(default_factory=Counter)
    misses: Counter[PlantedDeviation] = field(default_factory=Counter)
    hidden_called_missing: int = 0
    hidden_not_observed: int = 0
    lost: int = 0
    strays: int = 0
    """Executions that are found deviating where there truly is none."""

    def precision(self, kind: PlantedDeviation) -> float:
        return self.hits[kind] / (self.hits[kind] + self.false[kind])

    def recall(self, kind: PlantedDeviation) -> float:
        return self.hits[kind] / (self.hits[kind] + self.misses[kind])


def score(bench: ProcedureBench, into: Score) -> None:
    judged = judge_executions(bench.settings, SITE, bench.episodes, bench.stretches, bench.until_us)
    for true in bench.truth:
        own = [execution for execution in judged if not _apart(execution.execution, true)]
        if len(own) != 1:
            into.lost += 1
            continue
        _compare(true, own[0], into)
    into.strays += sum(
        execution.outcome is ExecutionOutcome.DEVIATING
        and all(_apart(execution.execution, true) for true in bench.truth)
        for execution in judged
    )


def _apart(execution: Execution, true: TrueExecution) -> bool:
    return execution.start_us >= true.end_us or execution.end_us <= true.start_us


def _compare(true: TrueExecution, judged: JudgedExecution, into: Score) -> None:
    verdicts = [(verdict, step.step) for step in judged.judgement.steps for verdict in step.verdicts]
    for kind, where in true.planted:
        hit = next(
            (
                execution
                for execution in verdicts
                if execution[0] is StepVerdict(kind.value) and (execution[1] in where or not where)
            ),
            None,
        )
        if hit is None:
            into.misses[kind] += 1
        else:
            into.hits[kind] += 1
            verdicts.remove(hit)
    kinds = {StepVerdict(kind.value): kind for kind in PlantedDeviation}
    into.false.update(kinds[verdict] for verdict, _ in verdicts if verdict in kinds)
    # done at the wrong time, or too briefly to be the step, it is a deviation, seen or not
    wrong = {
        step
        for kind, where in true.planted
        if kind in {PlantedDeviation.SWAPPED, PlantedDeviation.TOO_SHORT}
        for step in where
    }
    for step in judged.judgement.steps:
        if step.step in true.done - wrong and step.time == 1:
            into.hidden_called_missing += StepVerdict.MISSING in step.verdicts
            into.hidden_not_observed += StepVerdict.NOT_OBSERVED in step.verdicts
