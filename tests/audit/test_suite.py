"""Every attack of every budget can be made on all that it is planned on."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from raypp.audit.core.budget import Budget
from raypp.audit.core.model import AnyAttack, Attack, MatchAttack
from raypp.audit.footage.evidence import Evidence
from raypp.audit.suite.case_builder import CaseInputs, case_of
from raypp.audit.suite.suite import NOISE, Planned, suite
from raypp.audit.targets.target import VEIL
from raypp.veil.key import VeilKey
from raypp.veil.spec import PatchSpec
from raypp.veil.veil import Veil
from tests.audit.images import shapes

_SHORT = {"steps": 1, "cells": 200, "frames": 2}


def _short(attack: Any) -> AnyAttack:
    """The same attack, with next to no effort."""
    changed = {field.name: _SHORT[field.name] for field in fields(attack) if field.name in _SHORT}
    if "inner" in {field.name for field in fields(attack)}:
        changed["inner"] = _short(attack.inner)
    elif hasattr(attack, "keys"):
        changed["keys"] = 1
    return replace(attack, **changed)


def _make(planned: Iterable[tuple[str, Planned]]) -> int:
    """Make each attack that needs no detector and no video, shortly, on what it is planned on; returns how many."""
    known, victims = (shapes(count, (96, 96), seed) for seed, count in enumerate((4, 2)))
    inputs = CaseInputs(Evidence(known, victims, 0))
    veil_made = Veil(PatchSpec(), VeilKey(bytes(range(32))))
    tried = {(target, _short(planned_attack.attack)) for target, planned_attack in planned if not planned_attack.needs}
    for target, attack in tried:
        case = case_of(target, veil_made, inputs, 0)
        if isinstance(attack, Attack):
            assert attack.reconstruct(case).shape == victims.frames.shape, attack.id.name
        else:
            assert isinstance(attack, MatchAttack)
            assert np.isin(attack.ranks(case), range(len(victims))).all(), attack.id.name
    return len(tried)


def test_attacks_on_more_than_one_frame_or_key_can_be_made_on_a_veil_and_on_noise() -> None:
    planned = [
        (target, planned_attack)
        for target, planned_attack in suite(Budget.STANDARD).pairs()
        if hasattr(planned_attack.attack, "inner")
    ]
    assert _make((target, planned_attack) for target, planned_attack in planned if target in {VEIL, NOISE}) > 20


@pytest.mark.slow
@pytest.mark.parametrize("budget", Budget)
def test_every_attack_can_be_made_on_whatever_it_is_planned_on(budget: Budget) -> None:
    assert _make(suite(budget).pairs()) > 30
