import math

import pytest

from raypp.audit.gates import LABELS_ONLY, MATCHING, MEAN, WORST, Gate, Verdict, judge
from raypp.audit.model import Adversary, AttackRow
from tests.audit.rows import FAILED, match, pairs, rebuild


def gate(name: str, rows: list[AttackRow], labels_only: float | None = None) -> Gate:
    return next(one for one in judge(rows, labels_only) if one.name == name)


def test_gates_are_met_by_attacks_that_work_and_find_little() -> None:
    rows = [rebuild("view", 0.05, worst=0.2), rebuild("statistics", 0.02), match(top1=0.125)]
    assert {one.name: one.verdict for one in judge(rows, 0.25)} == dict.fromkeys((MEAN, WORST, MATCHING), Verdict.MET)
    mean, worst, matching = judge(rows, 0.25)
    assert (mean.got, mean.bar, mean.by) == (0.05, 0.10, "view")
    assert (worst.got, worst.bar, worst.by) == (0.2, 0.25, "view")
    assert (matching.got, matching.bar) == (0.125 + 0.0625, 0.25 + 0.05)
    assert all(one.adversary is Adversary.OUTSIDER for one in (mean, worst, matching))


@pytest.mark.parametrize(("value", "verdict"), [(0.10, Verdict.MET), (math.nextafter(0.10, 1), Verdict.MISSED)])
def test_the_bar_itself_is_allowed(value: float, verdict: Verdict) -> None:
    assert gate(MEAN, [rebuild(detail=value)]).verdict is verdict


def test_the_strongest_attack_and_the_greater_of_detail_and_edges_count() -> None:
    rows = [rebuild("view", 0.01, 0.30), rebuild("statistics", 0.12, 0.0)]
    got = gate(MEAN, rows)
    assert (got.got, got.by, got.verdict) == (0.30, "view", Verdict.MISSED)
    assert gate(WORST, [rebuild(detail=0.0, edges=0.0, worst=0.26)]).verdict is Verdict.MISSED


@pytest.mark.parametrize(
    "broken",
    [
        rebuild("broken", control=None),
        rebuild("broken", control=FAILED),
        rebuild("broken", detail=math.nan),
        rebuild("broken", edges=math.inf),
        rebuild("broken").model_copy(update={"edges": None}),
    ],
)
def test_an_attack_that_does_not_count_keeps_a_gate_from_being_met(broken: AttackRow) -> None:
    assert gate(MEAN, [rebuild("view"), broken]).verdict is Verdict.NOT_EVALUATED
    assert gate(MEAN, [rebuild("view", 0.4), broken]).verdict is Verdict.MISSED
    assert gate(MEAN, [rebuild("view"), broken]).by == "view"
    alone = gate(MEAN, [broken])
    assert (alone.got, alone.by, alone.verdict) == (None, "", Verdict.NOT_EVALUATED)


def test_figures_of_a_broken_attack_neither_count_nor_pass() -> None:
    got = gate(MEAN, [rebuild("view"), rebuild("broken", 0.9, control=FAILED)])
    assert (got.got, got.verdict) == (0.05, Verdict.NOT_EVALUATED)


def test_without_attacks_nothing_is_evaluated() -> None:
    assert {one.verdict for one in judge([], 0.5)} == {Verdict.NOT_EVALUATED}


def test_only_the_outsider_and_only_the_audited_veil_have_bars() -> None:
    others = [pairs(6, 0.9), pairs(100, 0.9, control=None), rebuild(veiling="pixelation 16", detail=0.9)]
    got = gate(MEAN, [rebuild(), *others])
    assert (got.got, got.verdict) == (0.05, Verdict.MET)


def test_matching_is_held_against_labels_alone() -> None:
    rows = [match(top1=0.5), match(LABELS_ONLY, 0.9, control=None)]
    met, missed = gate(MATCHING, rows, 0.55), gate(MATCHING, rows, 0.5)
    assert (met.verdict, missed.verdict) == (Verdict.MET, Verdict.MISSED)
    assert met.by == "by activity"


@pytest.mark.parametrize("labels_only", [None, math.nan])
def test_matching_without_a_bar_is_reported_and_not_evaluated(labels_only: float | None) -> None:
    got = gate(MATCHING, [match(top1=0.5)], labels_only)
    assert (got.bar, got.got, got.verdict) == (None, 0.5625, Verdict.NOT_EVALUATED)


def test_matching_and_rebuilding_are_judged_apart() -> None:
    rows = [rebuild(control=FAILED), match(top1=0.1)]
    assert gate(MATCHING, rows, 0.5).verdict is Verdict.MET
    assert gate(MATCHING, [match("broken", control=None)], 0.5).verdict is Verdict.NOT_EVALUATED
    assert gate(MEAN, [rebuild(), match("broken", control=None)]).verdict is Verdict.MET
