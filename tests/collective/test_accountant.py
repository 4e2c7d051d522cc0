"""What rounds spend: what opacus says of the same rounds, by RDP and PRV."""

import warnings

import numpy as np
import pytest

from raypp.collective.accountant import NoisedRounds, epsilon_by_loss, epsilon_of, noise_for
from raypp.collective.spending import with_noise
from raypp.errors import OptionError
from tests.collective.private import options

DELTA = 1e-5
HISTORIES = [
    pytest.param([NoisedRounds(4.0, 1.0, 40)], marks=pytest.mark.slow),
    pytest.param([NoisedRounds(1.2, 0.25, 100)], marks=pytest.mark.slow),
    [NoisedRounds(4.0, 1.0, 10), NoisedRounds(2.5, 0.5, 20)],
]


@pytest.mark.parametrize("history", HISTORIES, ids=str)
def test_it_is_what_opacus_says_of_the_same_history(history: list[NoisedRounds]) -> None:
    from opacus.accountants import PRVAccountant, RDPAccountant

    rdp, prv = RDPAccountant(), PRVAccountant()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for noise, sample, rounds in history:
            for _ in range(rounds):
                rdp.step(noise_multiplier=noise, sample_rate=sample)
                prv.step(noise_multiplier=noise, sample_rate=sample)
        assert epsilon_of(history, DELTA) == pytest.approx(rdp.get_epsilon(DELTA), rel=1e-9)
        assert epsilon_by_loss(history, DELTA) == pytest.approx(prv.get_epsilon(DELTA), rel=1e-9)


def test_no_rounds_spend_nothing() -> None:
    for history in ([], [NoisedRounds(4.0, 1.0, 0)]):
        assert epsilon_of(history, DELTA) == epsilon_by_loss(history, DELTA) == 0


def test_the_planned_noise_is_the_least_that_meets_epsilon() -> None:
    for epsilon in (8, 1, 0.1):
        noise = noise_for(epsilon, DELTA, 1.0, 40)
        assert epsilon_of([NoisedRounds(noise, 1.0, 40)], DELTA) <= epsilon
        assert epsilon_of([NoisedRounds(noise - 2e-4, 1.0, 40)], DELTA) > epsilon
    planned = with_noise(options(noise=None), 40)
    assert planned.noise == noise_for(8, DELTA, 1.0, 40)


def test_a_plan_that_cannot_be_met_is_refused_with_a_remedy() -> None:
    with pytest.raises(OptionError, match=r"noise 2 spends epsilon 19\.\d in 40 rounds, .* have noise 4\.033"):
        with_noise(options(noise=2), 40)
    with pytest.raises(OptionError, match="cannot be met in 10000 rounds, whatever the noise; have a larger epsilon"):
        noise_for(1e-6, 1e-9, 1.0, 10_000)
