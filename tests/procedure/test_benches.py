"""Benches of the judge's split, with exact episodes: what is planted is found, and what was hidden is not accused."""

import pytest

from raypp.demo.procedures import BenchSplit, PlantedDeviation, make_procedure_bench
from tests.procedure.scoring import Score, score


def test_planted_deviations_of_300_executions_are_found() -> None:
    total = Score()
    for number in range(10):
        score(make_procedure_bench(BenchSplit.JUDGE, number, executions=30), total)
    assert not total.lost
    for kind in PlantedDeviation:
        assert total.hits[kind] > 20
        assert total.precision(kind) >= 0.97, kind
        assert total.recall(kind) >= 0.97, kind


def test_no_step_that_was_done_while_the_camera_was_covered_is_called_missing() -> None:
    total = Score()
    for number in range(5):
        score(make_procedure_bench(BenchSplit.JUDGE, number, executions=30, blind=0.7), total)
    assert total.hidden_not_observed > 30
    assert (total.hidden_called_missing, total.lost) == (0, 0)


def test_a_bench_is_the_same_again_and_another_in_another_split() -> None:
    bench = make_procedure_bench(BenchSplit.TRAIN, 3, executions=5, blind=0.5)
    assert bench == make_procedure_bench(BenchSplit.TRAIN, 3, executions=5, blind=0.5)
    others = [
        make_procedure_bench(split, 3, executions=5, blind=0.5) for split in (BenchSplit.DEVELOP, BenchSplit.JUDGE)
    ]
    assert all(other.truth != bench.truth for other in others)


@pytest.mark.parametrize("deviating", [0.0, 1.0])
def test_planted_deviations_are_as_many_as_asked_for(deviating: float) -> None:
    bench = make_procedure_bench(BenchSplit.DEVELOP, 1, executions=40, deviating=deviating)
    assert sum(bool(execution.planted) for execution in bench.truth) == pytest.approx(40 * deviating, abs=2)
