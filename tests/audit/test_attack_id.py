"""An attack's identity is values; its name is made of them."""

import pytest
from pydantic import ValidationError

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.budget import Budget
from raypp.audit.suite.suite import suite


@pytest.mark.parametrize(
    ("attack", "name"),
    [
        (AttackId(family="component view"), "component view"),
        (AttackId(family="feature bridge", variant="linear, aligned"), "feature bridge, linear, aligned"),
        (AttackId(family="ridge", pairs=1), "ridge, 1 pair"),
        (AttackId(family="ridge", pairs=6, alignment="as they are"), "ridge, 6 pairs of another key, as they are"),
        (
            AttackId(family="decoder for any key", drawn_keys=60, merge="votes", frames=16),
            "decoder for any key, 60 drawn, votes of 16 frames",
        ),
        (AttackId(family="network", pairs=100, keys=4), "network, 100 pairs, under 4 keys"),
    ],
)
def test_a_name_is_made_of_the_values(attack: AttackId, name: str) -> None:
    assert attack.name == str(attack) == name


def test_a_change_keeps_the_rest_and_is_checked() -> None:
    ridge = AttackId(family="ridge", pairs=6)
    assert ridge.applied(keys=4) == AttackId(family="ridge", pairs=6, keys=4)
    with pytest.raises(ValidationError):
        ridge.applied(keys=0)


@pytest.mark.parametrize("budget", Budget)
def test_no_two_attacks_of_a_suite_share_an_identity_or_a_name(budget: Budget) -> None:
    attacks = [planned.attack.id for planned in suite(budget).planned]
    assert len(set(attacks)) == len({attack.name for attack in attacks}) == len(attacks)
