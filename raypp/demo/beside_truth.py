"""Reports of a hall of the sample beside the truth: uses of tools, violations, executions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from raypp.demo.procedures import TrueExecution
from raypp.demo.workshop.compliance import ComplianceSite
from raypp.demo.workshop.tools import CLASSES
from raypp.procedure.judging import JudgedExecution
from raypp.procedure.verdict import DEVIATIONS, ExecutionOutcome, StepVerdict
from raypp.reports.records import Recorded
from raypp.reports.safety import SiteSafety
from raypp.usage.metrics import LabelledSpan, SegmentalF1, segmental_f1
from raypp.usage.true_uses import true_spans
from raypp.usage.violation import Exposure, ViolationKind

_OVERLAP = 0.5
_RULES = {ViolationKind.NOT_WORN: "require"}
_AS_PRESCRIBED = "as prescribed"


@dataclass(frozen=True)
class Compared:
    """Spans of one kind, predicted and true, in seconds of the videos."""

    predicted: tuple[LabelledSpan, ...]
    true: tuple[LabelledSpan, ...]

    @property
    def score(self) -> SegmentalF1:
        """How well they agree: found spans that share half of the time with a true one of the same label."""
        return segmental_f1(self.predicted, self.true, _OVERLAP)


@dataclass(frozen=True)
class HallResult:
    """One site: what the service's reports say about it, beside the truth.

    Attributes:
        site: its name.
        uses: of tools.
        violations: labelled with rule, zone and item.
        executions: labelled with their deviations; None where raypp[process] is not installed.
        cannot_tell: for each item the share of person-seconds of which nobody can tell whether it is worn.
    """

    site: str
    uses: Compared
    violations: Compared
    executions: Compared | None
    cannot_tell: Mapping[str, float]


def compare_hall(
    site: ComplianceSite,
    recorded: Recorded,
    safety: SiteSafety,
    executions: Sequence[JudgedExecution] | None,
) -> HallResult:
    """Put what was found of a site beside its truth.

    Args:
        site: the site, with its truth.
        recorded: uses and what was observed.
        safety: violations of zones' rules, and how long people wore what.
        executions: of procedures; None where nobody looked.
    """
    start_us = round(site.bench.started_at.replace(tzinfo=UTC).timestamp() * 1e6)

    def span(label: str | tuple[str, ...], first_us: int, last_us: int) -> LabelledSpan:
        return LabelledSpan(label, (first_us - start_us) / 1e6, (last_us - start_us) / 1e6)

    uses = [span(use.tool, use.start_us, use.end_us) for use in recorded.episodes if use.tool in CLASSES]
    violations = [
        span((_RULES.get(row.kind, row.kind.name.lower()), row.zone, row.item), row.start_us, row.end_us)
        for row in safety.violations
    ]
    judged = None
    if executions is not None:
        spans = [span(_found_words(row), row.execution.start_us, row.execution.end_us) for row in executions]
        judged = Compared(tuple(spans), tuple(_true_span(execution) for execution in site.executions))
    return HallResult(
        site=site.name,
        uses=Compared(tuple(uses), tuple(true_spans(site.bench.timeline_path))),
        violations=Compared(tuple(violations), site.violations),
        executions=judged,
        cannot_tell=_cannot_tell(safety.exposures),
    )


def table(results: Iterable[HallResult]) -> list[str]:
    """Return the lines of a table: for all sites together how many there truly are, were found, and are right."""
    results = list(results)
    lines = [f"{'beside the truth':<20}{'true':>6}{'found':>7}{'right':>7}{'F1@50':>8}"]
    kinds: tuple[tuple[str, Callable[[HallResult], Compared | None]], ...] = (
        ("uses of tools", lambda result: result.uses),
        ("violations", lambda result: result.violations),
        ("executions", lambda result: result.executions),
    )
    for name, kind in kinds:
        compared = [some for result in results if (some := kind(result)) is not None]
        score = sum((some.score for some in compared), SegmentalF1(0, 0, 0))
        true, predicted = score.hits + score.misses, score.hits + score.false_alarms
        if compared:
            lines.append(f"{name:<20}{true:>6}{predicted:>7}{score.hits:>7}{score.f1:>8.2f}")
    return lines


def execution_lines(results: Iterable[HallResult]) -> list[str]:
    """Return a line for each true execution: what was wrong with it, and what was found where it was."""
    lines = []
    for result in results:
        compared = result.executions
        for true in compared.true if compared else ():
            overlapping = [
                str(span.label)
                for span in (compared.predicted if compared else ())
                if span.start_s < true.end_s and true.start_s < span.end_s
            ]
            words = "; and ".join(overlapping) or "nothing"
            lines.append(f"{result.site}, {true.start_s:.0f} to {true.end_s:.0f} s: truly {true.label}, found {words}")
    return lines


def _found_words(judged: JudgedExecution) -> str:
    if judged.outcome is not ExecutionOutcome.DEVIATING:
        return _AS_PRESCRIBED if judged.outcome is ExecutionOutcome.CONFORMING else judged.outcome.value
    deviations = [
        (verdict, step.step or (step.use.tool if step.use else ""))
        for step in judged.judgement.steps
        for verdict in step.verdicts
        if verdict in DEVIATIONS
    ]
    return _words([*deviations, *((verdict, "") for verdict in judged.judgement.verdicts if verdict in DEVIATIONS)])


def _true_span(execution: TrueExecution) -> LabelledSpan:
    deviations = [(StepVerdict(kind.value), step) for kind, steps in execution.planted for step in sorted(steps)]
    return LabelledSpan(_words(deviations) or _AS_PRESCRIBED, execution.start_us / 1e6, execution.end_us / 1e6)


def _words(deviations: Iterable[tuple[StepVerdict, str]]) -> str:
    """Word deviations. Of two steps that were swapped either may be called out of order, so that neither is named."""
    words = {
        verdict.value.replace("_", " ") + ("" if verdict is StepVerdict.OUT_OF_ORDER else f" {step}".rstrip())
        for verdict, step in deviations
    }
    return ", ".join(sorted(words))


def _cannot_tell(exposures: Iterable[Exposure]) -> dict[str, float]:
    seconds: dict[str, tuple[int, int]] = {}
    for row in exposures:
        unknown_us, all_us = seconds.get(row.item, (0, 0))
        told_us = row.worn_us + row.not_worn_us
        seconds[row.item] = unknown_us + row.cannot_tell_us, all_us + told_us + row.cannot_tell_us
    return {item: unknown_us / max(all_us, 1) for item, (unknown_us, all_us) in sorted(seconds.items())}
