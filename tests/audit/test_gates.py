import math
from typing import Any

import numpy as np
import pytest

from raypp.audit.core.model import Adversary
from raypp.audit.core.recognised import NO_FACE, NOT_INSTALLED, FaceFigures, Recognised
from raypp.audit.core.row import AttackRow, MatchFigures
from raypp.audit.metrics.scores import share_estimate
from raypp.audit.verdict.gates import (
    FACES,
    IDENTITY,
    INSIDER_FACES,
    INSIDER_MEAN,
    INSIDER_WORST,
    MATCHING,
    MEAN,
    TEXT,
    WORST,
    Gate,
    Verdict,
    judge_gates,
)
from tests.audit.rows import FAILED, control, decide, labels_only, match, pairs, recognised, reconstruct, under_keys


def gate(name: str, rows: list[AttackRow]) -> Gate:
    return next(gate_of_name for gate_of_name in judge_gates(rows) if gate_of_name.name == name)


def test_gates_are_met_by_attacks_that_work_and_find_little() -> None:
    rows = [reconstruct("view", 0.05, worst=0.2), reconstruct("statistics", 0.02), match(top1=0.125), labels_only(0.25)]
    mean, worst, matching = judge_gates(rows)[:3]
    assert [gate_found.name for gate_found in (mean, worst, matching)] == [MEAN, WORST, MATCHING]
    assert {gate_found.verdict for gate_found in (mean, worst, matching)} == {Verdict.MET}
    assert (mean.got, mean.high, mean.threshold, mean.by) == (0.05, 0.06, 0.10, "view")
    assert (worst.got, worst.high, worst.threshold, worst.by) == (0.2, None, 0.25, "view")
    assert (matching.got, matching.high, matching.threshold) == (0.125, 0.125 + 0.0625, 0.25 + 0.05)
    assert all(gate_found.adversary is Adversary.CIPHERTEXT_ONLY for gate_found in (mean, worst, matching))


def test_a_decision_changes_no_gate() -> None:
    rows = [reconstruct(), match(), labels_only(0.25)]
    assert judge_gates([*rows, decide(auc=0.99)]) == judge_gates(rows)
    insider = [*rows, reconstruct("bridge", adversary=Adversary.INSIDER)]
    assert judge_gates([*insider, decide(control=FAILED)]) == judge_gates(insider)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.09, Verdict.MET), (0.0901, Verdict.UNDECIDED), (0.10, Verdict.UNDECIDED), (0.1001, Verdict.MISSED)],
)
def test_a_gate_is_met_only_if_the_interval_is_within_the_threshold_too(value: float, verdict: Verdict) -> None:
    got = gate(MEAN, [reconstruct(detail=value)])
    assert (got.got, got.high, got.verdict) == (value, round(value + 0.01, 6), verdict)


def test_an_uncertain_attack_leaves_open_what_a_certain_one_would_meet() -> None:
    certain, uncertain = reconstruct("view", 0.08), reconstruct("statistics", 0.02)
    wide = uncertain.model_copy(update={"edges": uncertain.edges.model_copy(update={"high": 0.2})})
    got = gate(MEAN, [certain, wide])
    assert (got.got, got.by, got.high, got.verdict) == (0.08, "view", 0.2, Verdict.UNDECIDED)


def test_the_strongest_attack_and_the_greater_of_detail_and_edges_count() -> None:
    rows = [reconstruct("view", 0.01, 0.30), reconstruct("statistics", 0.12, 0.0)]
    got = gate(MEAN, rows)
    assert (got.got, got.by, got.verdict) == (0.30, "view", Verdict.MISSED)
    assert gate(WORST, [reconstruct(detail=0.0, edges=0.0, worst=0.26)]).verdict is Verdict.MISSED


@pytest.mark.parametrize(
    "broken",
    [
        reconstruct("broken", control=None),
        reconstruct("broken", control=FAILED),
        reconstruct("broken", control=control(detail=0.89)),
        reconstruct("broken", detail=math.nan),
        reconstruct("broken", edges=math.inf),
        reconstruct("broken").model_copy(update={"edges": None}),
    ],
)
def test_an_attack_that_does_not_count_keeps_a_gate_from_being_met(broken: AttackRow) -> None:
    assert gate(MEAN, [reconstruct("view"), broken]).verdict is Verdict.NOT_EVALUATED
    assert gate(MEAN, [reconstruct("view", 0.4), broken]).verdict is Verdict.MISSED
    assert gate(MEAN, [reconstruct("view"), broken]).by == "view"
    alone = gate(MEAN, [broken])
    assert (alone.got, alone.by, alone.verdict) == (None, "", Verdict.NOT_EVALUATED)


def test_figures_of_a_broken_attack_neither_count_nor_pass() -> None:
    got = gate(MEAN, [reconstruct("view"), reconstruct("broken", 0.9, control=FAILED)])
    assert (got.got, got.verdict) == (0.05, Verdict.NOT_EVALUATED)


def test_without_attacks_nothing_is_evaluated() -> None:
    assert {gate_found.verdict for gate_found in judge_gates([labels_only(0.5)])} == {Verdict.NOT_EVALUATED}


def test_only_ciphertext_only_attacks_on_the_audited_veil_have_thresholds() -> None:
    others = [pairs(6, 0.9), pairs(100, 0.9, control=None), reconstruct(target="pixelation 16", detail=0.9)]
    got = gate(MEAN, [reconstruct(), *others])
    assert (got.got, got.verdict) == (0.05, Verdict.MET)


def test_matching_is_held_against_labels_alone() -> None:
    met, undecided, missed = (gate(MATCHING, [match(top1=0.5), labels_only(guessed)]) for guessed in (0.55, 0.5, 0.4))
    assert [gate_found.verdict for gate_found in (met, undecided, missed)] == [
        Verdict.MET,
        Verdict.UNDECIDED,
        Verdict.MISSED,
    ]
    assert met.by == "by activity"


def test_matching_is_allowed_by_chance_and_the_margin_whatever_labels_tell() -> None:
    assert gate(MATCHING, [match(candidates=4), labels_only(0.0, candidates=4)]).threshold == 0.25 + 0.05


def test_few_images_of_which_none_is_found_do_not_meet_the_gate() -> None:
    def none_found(count: int) -> Gate:
        row = match(top1=0.0, candidates=count, images=count).model_copy(
            update={"top1": share_estimate(np.zeros(count) > 0)}
        )
        return gate(MATCHING, [row, labels_only(0.0, candidates=count)])

    few, many = none_found(16), none_found(100)
    assert (few.got, few.verdict, few.threshold) == (0.0, Verdict.UNDECIDED, 1 / 16 + 0.05)
    assert few.high == pytest.approx(0.194, abs=0.001)
    assert many.verdict is Verdict.MET


@pytest.mark.parametrize("labels", [[], [labels_only(math.nan)], [labels_only(0.96)]])
def test_matching_without_a_threshold_is_reported_and_not_evaluated(labels: list[AttackRow]) -> None:
    got = gate(MATCHING, [match(top1=0.5), *labels])
    assert (got.threshold, got.got, got.high, got.verdict) == (None, 0.5, 0.5625, Verdict.NOT_EVALUATED)


def test_matching_and_reconstruction_are_judged_apart() -> None:
    rows = [reconstruct(control=FAILED), match(top1=0.1), labels_only(0.5)]
    assert gate(MATCHING, rows).verdict is Verdict.MET
    broken = match("broken", control=None)
    assert gate(MATCHING, [broken, labels_only(0.5)]).verdict is Verdict.NOT_EVALUATED
    assert gate(MEAN, [reconstruct(), broken]).verdict is Verdict.MET


def test_an_insider_has_thresholds_that_ciphertext_only_attacks_count_for_too() -> None:
    def insider(detail: float, **changes: Any) -> AttackRow:
        return reconstruct("feature bridge, linear", detail, adversary=Adversary.INSIDER, **changes)

    def verdicts(*rows: AttackRow) -> list[Verdict]:
        gates = judge_gates(rows)
        assert [gate.adversary for gate in gates] == [Adversary.CIPHERTEXT_ONLY] * 6 + [Adversary.INSIDER] * 5
        return [gate.verdict for gate in gates if gate.name in {MEAN, WORST, INSIDER_MEAN, INSIDER_WORST}]

    met, missed, unknown = Verdict.MET, Verdict.MISSED, Verdict.NOT_EVALUATED
    assert verdicts(reconstruct(), insider(0.05)) == [met, met, met, met]
    assert verdicts(reconstruct(), insider(0.3)) == [met, met, missed, missed]
    assert verdicts(reconstruct(detail=0.3), insider(0.05)) == [missed, missed, missed, missed]
    assert verdicts(reconstruct(), insider(0.3, control=FAILED)) == [met, met, unknown, unknown]
    gone = {"detail": None, "edges": None, "control": None, "reason": "no --model was given"}
    not_made = insider(0.0).model_copy(update=gone)
    assert verdicts(reconstruct(), insider(0.05), not_made) == [met, met, unknown, unknown]
    assert len(judge_gates([reconstruct()])) == 6, "without any row of its own nothing is said of it"


def test_not_one_face_and_not_one_word_is_allowed() -> None:
    rows = [reconstruct("view"), reconstruct("statistics", recognised=recognised(faces_found=1, read=2))]
    faces, text = gate(FACES, rows), gate(TEXT, rows)
    assert (faces.got, faces.by, faces.verdict) == (1 / 200, "statistics", Verdict.MISSED)
    assert (text.got, text.by, text.verdict) == (2 / 20, "statistics", Verdict.MISSED)
    assert {gate(name, rows[:1]).verdict for name in (FACES, IDENTITY, TEXT)} == {Verdict.MET}
    assert gate(INSIDER_FACES, [*rows, reconstruct("bridge", adversary=Adversary.INSIDER)]).verdict is Verdict.MISSED


@pytest.mark.parametrize(
    ("auc", "spread", "verdict"),
    [
        (0.5, 0.04, Verdict.MET),
        (0.52, 0.04, Verdict.UNDECIDED),
        (0.6, 0.05, Verdict.MISSED),
        (0.9, 0.45, Verdict.UNDECIDED),
    ],
)
def test_telling_people_apart_is_missed_only_where_it_is_surely_more_than_chance(
    auc: float, spread: float, verdict: Verdict
) -> None:
    assert gate(IDENTITY, [reconstruct(recognised=recognised(auc=auc, spread=spread))]).verdict is verdict


def test_where_nothing_is_to_be_recognised_nothing_is_evaluated_and_it_says_why() -> None:
    nobody = recognised(faces=FaceFigures(faces=0, found=0, anywhere=0, reason=NO_FACE))
    for name in (FACES, IDENTITY):
        got = gate(name, [reconstruct(recognised=nobody)])
        assert (got.verdict, got.got, got.reason, got.pointless) == (Verdict.NOT_EVALUATED, None, NO_FACE, True)
    without = gate(TEXT, [reconstruct(recognised=Recognised(reason=NOT_INSTALLED))])
    assert (without.verdict, without.reason, without.pointless) == (Verdict.NOT_EVALUATED, NOT_INSTALLED, False)


@pytest.mark.parametrize("silent", [reconstruct("silent", recognised=None), reconstruct("silent", control=FAILED)])
def test_an_attack_at_which_nobody_looked_keeps_faces_and_text_from_being_met(silent: AttackRow) -> None:
    for name in (FACES, IDENTITY, TEXT):
        assert gate(name, [reconstruct("view"), silent]).verdict is Verdict.NOT_EVALUATED


def test_a_threshold_met_under_every_key_is_met_and_says_over_which() -> None:
    gate_found = gate(MEAN, [under_keys(reconstruct("view", 0.05), 0.02, 0.07), reconstruct("statistics", 0.01)])
    assert (gate_found.verdict, gate_found.got, gate_found.over_keys) == (Verdict.MET, 0.05, (0.05, 0.02, 0.07))


@pytest.mark.parametrize("other", [0.11, 0.095])
def test_a_threshold_that_another_key_does_not_surely_meet_is_undecided(other: float) -> None:
    gate_found = gate(MEAN, [under_keys(reconstruct("view", 0.05), 0.02, other)])
    assert (gate_found.verdict, gate_found.over_keys) == (Verdict.UNDECIDED, (0.05, 0.02, other))


def test_owners_of_one_spec_are_told_the_same_whichever_key_is_theirs() -> None:
    keys = (0.01, 0.059, 0.105)
    verdicts = [
        gate(MEAN, [under_keys(reconstruct("view", own), *(key for key in keys if key != own))]).verdict for own in keys
    ]
    assert verdicts == [Verdict.UNDECIDED] * 3


def test_a_threshold_that_is_surely_missed_under_the_owners_own_key_is_missed() -> None:
    rows = [under_keys(reconstruct("view", 0.3), 0.02, 0.03)]
    assert gate(MEAN, rows).verdict is Verdict.MISSED
    assert gate(MEAN, [under_keys(reconstruct("view", 0.105), 0.2, 0.3)]).verdict is Verdict.MISSED


def test_a_threshold_missed_by_an_attack_under_this_key_alone_is_missed() -> None:
    rows = [under_keys(reconstruct("view", 0.05), 0.02), reconstruct("bridge", 0.5, adversary=Adversary.INSIDER)]
    assert gate(MEAN, rows).verdict is Verdict.MET
    insider = gate(INSIDER_MEAN, rows)
    assert (insider.verdict, insider.got, insider.over_keys) == (Verdict.MISSED, 0.5, (0.05, 0.02))


def test_a_word_read_under_another_key_leaves_text_undecided_and_one_under_this_missed() -> None:
    silent, read = reconstruct("view", recognised=recognised()), reconstruct("view", recognised=recognised(read=1))
    assert gate(TEXT, [silent.model_copy(update={"other_keys": under_keys(read, 0.05).other_keys})]).verdict is (
        Verdict.UNDECIDED
    )
    assert gate(TEXT, [read.model_copy(update={"other_keys": under_keys(silent, 0.05).other_keys})]).verdict is (
        Verdict.MISSED
    )


def test_what_is_not_evaluated_stays_so_over_keys() -> None:
    rows = [under_keys(reconstruct("view", 0.05, control=FAILED), 0.5)]
    assert (gate(MEAN, rows).verdict, gate(MEAN, rows).over_keys) == (Verdict.NOT_EVALUATED, ())


def test_matching_is_held_against_other_keys_too() -> None:
    row = match(top1=0.125)
    row = row.model_copy(update={"other_keys": (MatchFigures(top1=share_estimate(np.array([True] * 15 + [False]))),)})
    gate_found = gate(MATCHING, [row, labels_only(0.25)])
    assert (gate_found.verdict, gate_found.over_keys) == (Verdict.UNDECIDED, (0.125, 15 / 16))
