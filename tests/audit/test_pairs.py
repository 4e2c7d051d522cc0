"""Attacks from known pairs open a linear mix, and hold few features at one time however many pairs are known."""

import tracemalloc

import pytest

from raypp.audit.attacks.reconstruct.perceptron import Perceptron
from raypp.audit.attacks.reconstruct.ridge import Ridge
from raypp.audit.core.model import Case
from raypp.audit.targets import baselines
from tests.audit.images import detail, shapes


@pytest.fixture(scope="module")
def case() -> Case:
    return Case(baselines.linear_mix(4, 3), shapes(6, (96, 96), 0), shapes(2, (96, 96), 1))


@pytest.mark.parametrize(("attack", "least"), [(Ridge(1), 0.9), (Ridge(6), 0.95), (Perceptron(6, 100), 0.7)])
def test_a_linear_mix_is_opened(attack: Ridge | Perceptron, least: float, case: Case) -> None:
    assert detail(attack.reconstruct(case), case.victims) > least


def test_more_cells_tell_more(case: Case) -> None:
    few, many = (detail(Ridge(6, cells).reconstruct(case), case.victims) for cells in (300, 3000))
    assert many > few + 0.02


@pytest.mark.parametrize("attack", [Ridge(24, 4000), Perceptron(24, 3)], ids=lambda attack: attack.id.name)
def test_of_many_pairs_only_what_is_drawn_is_held(attack: Ridge | Perceptron) -> None:
    known, victims = shapes(24, (256, 256), 2), shapes(1, (64, 64), 3)
    whole = 9 * known.frames.nbytes
    tracemalloc.start()
    attack.reconstruct(Case(baselines.linear_mix(4, 0), known, victims))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whole > 40_000_000
    assert most < whole
