"""Procedures: planted deviations found again, steps that were hidden, alignments against all orders, and their time."""

import random
import time
from collections import Counter
from pathlib import Path

from raypp.demo.procedures import SITE, BenchSplit, PlantedDeviation, make_procedure_bench
from raypp.procedure.alignment import Aligner, LabelledUse
from raypp.procedure.judging import judge_executions
from raypp.procedure.orders import count_orders
from raypp.procedure.prescription import Prescription
from raypp.procedure.verdict import Judge
from raypp.usage.coverage import sights
from tests.procedure.orders import distance, orders, random_procedure, random_uses
from tests.procedure.scoring import Score, score

Row = tuple[str, str, str]
_BENCHES, _EXECUTIONS = 10, 30
_HIDDEN_BENCHES = 20
_PROCEDURES = 1000
_LISTED = 500
"""Of how many orders at most all are listed."""


def procedure_rows(_: Path) -> list[Row]:
    """Measure all of it; the import of pm4py is not in any time but its own."""
    started = time.process_time()
    Aligner(Prescription(random_procedure(random.Random(0)))).align([])
    rows = [("import of pm4py and first alignment, CPU seconds", f"{time.process_time() - started:.1f}", "")]
    return [*rows, *_found_again(), *_hidden(), *_costs(), *_time()]


def _found_again() -> list[Row]:
    total = Score()
    for number in range(_BENCHES):
        score(make_procedure_bench(BenchSplit.JUDGE, number, executions=_EXECUTIONS), total)
    rows = [("executions lost, of 300", f"{total.lost}", "0")]
    for kind in PlantedDeviation:
        figures = f"{total.precision(kind):.3f} / {total.recall(kind):.3f}"
        rows.append(
            (f"planted {kind.value} ({total.hits[kind] + total.misses[kind]}): precision / recall", figures, ">= 0.97")
        )
    return rows


def _hidden() -> list[Row]:
    total = Score()
    for number in range(_HIDDEN_BENCHES):
        score(make_procedure_bench(BenchSplit.JUDGE, 100 + number, executions=_EXECUTIONS, blind=0.7), total)
    return [
        ("hidden steps called not observed", f"{total.hidden_not_observed}", ""),
        ("hidden steps called missing", f"{total.hidden_called_missing}", "0"),
    ]


def _costs() -> list[Row]:
    """Align executions of random procedures, and look for cheaper ones in the list of all orders."""
    rng = random.Random(19)
    seconds, wrong, deviating = 0.0, 0, 0
    for _ in range(_PROCEDURES):
        rules = random_procedure(rng, most=6)
        while count_orders(rules) > _LISTED:
            rules = random_procedure(rng, most=6)
        prescription = Prescription(rules)
        allowed, aligner = orders(prescription), Aligner(prescription)
        uses = random_uses(rng, allowed, prescription)
        started = time.process_time()
        alignment = aligner.align([LabelledUse(label, rng.random() < 0.8) for label in uses])
        seconds += time.process_time() - started
        wrong += alignment.cost != distance(tuple(uses), allowed)
        deviating += alignment.cost > 0
    return [
        (f"costs other than the least, of {_PROCEDURES} ({deviating} deviating)", f"{wrong}", "0"),
        ("one alignment, CPU ms", f"{1e3 * seconds / _PROCEDURES:.1f}", ""),
    ]


def _time() -> list[Row]:
    bench = make_procedure_bench(BenchSplit.JUDGE, 7, executions=1000, deviating=0.3)
    started = time.process_time()
    judged = judge_executions(bench.settings, SITE, bench.episodes, bench.stretches, bench.until_us)
    seconds = time.process_time() - started
    prescription = Prescription(bench.settings.procedures[0])
    judge = Judge(prescription, bench.settings, sights(bench.stretches))
    started = time.process_time()
    for execution in judged:
        judge.judge(execution.execution)
    again = time.process_time() - started
    outcomes = Counter(execution.outcome.value for execution in judged)
    return [
        (f"1000 executions of {len(prescription.steps)} steps, CPU seconds", f"{seconds:.2f}", "<= 2"),
        ("  of these, to judge them", f"{again:.2f}", ""),
        ("  outcomes", ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())), ""),
    ]
