from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary
from raypp.audit.verdict.broken_by import PairsNeeded, pairs_needed
from raypp.audit.verdict.gates import MATCHING, MEAN, TEXT, WORST
from tests.audit.rows import FAILED, labels_only, match, pairs, reconstruct, under_keys


def test_a_threshold_is_broken_by_the_fewest_pairs_that_go_beyond_it() -> None:
    rows = [
        reconstruct("view", 0.05, worst=0.1),
        pairs(1, 0.06),
        pairs(6, 0.3, worst=0.24),
        pairs(100, 0.2, worst=0.5, method="network"),
        pairs(1, 0.9, target="blur"),
        match(top1=0.125),
        match(AttackId(family="activity and ridge", pairs=100), 0.5, adversary=Adversary.KNOWN_PLAINTEXT),
        labels_only(0.25),
        reconstruct("bridge", 0.9, adversary=Adversary.INSIDER),
        reconstruct("inversion", 0.9, adversary=Adversary.WHITE_BOX),
    ]
    needed = {pairs_of_gate.name: pairs_of_gate for pairs_of_gate in pairs_needed(rows)}
    assert needed[MEAN] == PairsNeeded(MEAN, 6, 100, 0.3, "ridge, 6 pairs")
    assert needed[WORST] == PairsNeeded(WORST, 100, 100, 0.5, "network, 100 pairs")
    assert needed[MATCHING] == PairsNeeded(MATCHING, 100, 100, 0.5, "activity and ridge, 100 pairs")
    assert (needed[TEXT].pairs, needed[TEXT].tried, needed[TEXT].got) == (None, 100, 0.0)
    broken = {gate.name for gate in pairs_needed([*rows, pairs(10, 0.9, control=FAILED)])}
    assert broken == {MEAN, WORST, MATCHING}  # of the others one attack is not evaluated


def test_what_a_ciphertext_only_adversary_can_do_needs_no_pair() -> None:
    rows = [reconstruct("view", 0.2), pairs(6, 0.05)]
    assert pairs_needed(rows)[0] == PairsNeeded(MEAN, 0, 6, 0.2, "view")
    assert pairs_needed(rows[:1]) == ()
    assert pairs_needed([reconstruct("view", control=FAILED), pairs(6, 0.5, control=FAILED)]) == ()


def test_a_threshold_that_keys_disagree_on_is_not_said_to_be_broken_without_pairs() -> None:
    rows = [under_keys(reconstruct("view", 0.105), 0.02), pairs(6, 0.3)]
    assert pairs_needed(rows)[0] == PairsNeeded(MEAN, 6, 6, 0.3, "ridge, 6 pairs")
