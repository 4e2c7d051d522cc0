"""Whose attacks an audit makes: an adversary brings those of a weaker one, and none chosen stands for all."""

import pytest

from raypp.audit.core.adversary_name import AdversaryName, with_implied
from raypp.audit.core.budget import Budget
from raypp.audit.core.model import Adversary
from raypp.audit.suite.suite import suite
from raypp.audit.verdict.assumptions import not_attacked

ALONE = (AdversaryName.CIPHERTEXT_ONLY, AdversaryName.WHITE_BOX)


@pytest.mark.parametrize("name", AdversaryName)
def test_who_can_make_attacks_of_a_ciphertext_only_adversary_brings_them(name: AdversaryName) -> None:
    assert with_implied((name,)) == {name} | (set() if name in ALONE else {AdversaryName.CIPHERTEXT_ONLY})


def test_none_chosen_stands_for_all_and_nothing_is_left_out() -> None:
    assert with_implied(()) == set(AdversaryName)
    assert not_attacked(()) == not_attacked(tuple(AdversaryName)) == ()


def test_every_adversary_has_a_short_name_and_every_attack_an_adversary() -> None:
    assert {adversary.short for adversary in Adversary} == set(AdversaryName)
    whose = {planned.attack.adversary.short for _, planned in suite(Budget.STANDARD, learned=True).pairs()}
    assert whose == set(AdversaryName)
