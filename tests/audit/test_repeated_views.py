"""Attacks are planned for somebody who sees the same more than once."""

from raypp.audit.attacks.reconstruct.many_keys import ManyKeys
from raypp.audit.core.budget import Budget
from raypp.audit.suite.repeated_views import WEAK, seen_often
from raypp.audit.suite.suite import suite


def test_from_standard_on_the_same_is_looked_at_more_than_once() -> None:
    names = {budget: {planned_attack.attack.id.name for planned_attack in suite(budget).planned} for budget in Budget}
    assert "component view, mean of 16 frames" not in names[Budget.QUICK]
    assert {
        "component view, mean of 16 frames",
        "decoder for any key, 60 drawn, under 4 keys",
        "ridge, 6 pairs of another key, names by frequency",
        "silhouettes of what moves",
    } <= names[Budget.STANDARD]
    assert "ridge, 6 pairs, votes of 64 frames" in names[Budget.FULL]


def test_every_name_is_given_once_and_every_control_is_made() -> None:
    for budget in Budget:
        planned = suite(budget).planned
        assert len({planned_attack.attack.id.name for planned_attack in planned}) == len(planned)
        assert all(
            planned_attack.requirement is None or planned_attack.requirement.on in planned_attack.on
            for planned_attack in planned
        )


def test_weak_targets_can_do_what_their_attacks_ask() -> None:
    chosen = suite(Budget.STANDARD).planned
    ridge, network = (
        next(planned_attack.attack for planned_attack in chosen if planned_attack.attack.id.name == name)
        for name in ("ridge, 6 pairs", "network, 100 pairs")
    )
    for attack in seen_often(ManyKeys(2, 2), ridge, network, (16,), (4,)):
        weak = WEAK[attack.weak]()
        assert weak.random_key is not None or not attack.drawing
        assert weak.other_owner_key is not None or attack.attack.id.frames
