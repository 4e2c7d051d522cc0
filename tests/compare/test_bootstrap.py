"""The bootstrap scores as ultralytics does, and its intervals hold what they should."""

import numpy as np
import pytest

from raypp.compare.bootstrap import PrecisionTable, relative_gap
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.metrics import score

_CLASSES = ("a", "b", "c")


def _matches(images: int, skill: float, seed: int) -> list[SampleMatches]:
    """Detections of which a share `skill` is right, more often at high confidence."""
    chance = np.random.default_rng(seed)
    out = []
    for number in range(images):
        labelled = chance.integers(0, 3, chance.integers(1, 4)).astype(np.float32)
        predicted = np.concatenate([labelled[chance.random(len(labelled)) < skill], chance.integers(0, 3, 2)])
        right = np.arange(len(predicted)) < len(predicted) - 2
        quality = chance.integers(1, 11, len(predicted)) * right
        out.append(
            SampleMatches(
                sample_id=f"{number:04d}",
                correct_PT=np.arange(10)[None] < quality[:, None],
                confidence_P=np.clip(chance.normal(0.3 + 0.3 * right, 0.2), 0.01, 1).astype(np.float32),
                predicted_P=predicted.astype(np.float32),
                labelled_L=labelled,
            )
        )
    return out


@pytest.mark.parametrize("skill", [0.1, 0.6, 1.0])
def test_with_every_image_once_it_is_the_score_of_ultralytics(skill: float) -> None:
    matches = _matches(60, skill, 1)
    scores = PrecisionTable(matches).score(np.ones(60, dtype=np.int64))
    expected = score(matches, _CLASSES)
    assert scores[0] == pytest.approx(expected.map50, abs=1e-6)
    assert scores.mean() == pytest.approx(expected.map50_95, abs=1e-6)


def test_an_image_of_weight_two_is_an_image_that_is_there_twice() -> None:
    matches = _matches(30, 0.7, 2)
    twice = [
        *matches,
        *(
            SampleMatches(**{**vars(sample_matches), "sample_id": sample_matches.sample_id + "x"})
            for sample_matches in matches[:10]
        ),
    ]
    weights = np.ones(30, dtype=np.int64)
    weights[:10] = 2
    expected = score(twice, _CLASSES)
    scores = PrecisionTable(matches).score(weights)
    assert scores[0] == pytest.approx(expected.map50, abs=5e-3)  # equal confidences may stand in another order


def test_a_detector_loses_nothing_against_itself() -> None:
    matches = _matches(40, 0.7, 3)
    for gap in relative_gap([matches], [matches], replicates=50):
        assert (gap.value, gap.low, gap.high) == (0, 0, 0)


def test_pairing_narrows_the_interval_and_a_loss_is_seen() -> None:
    reference = _matches(150, 0.9, 4)
    chance = np.random.default_rng(0)
    worse = [
        SampleMatches(
            **{
                **vars(sample_matches),
                "correct_PT": sample_matches.correct_PT & (chance.random((len(sample_matches.correct_PT), 1)) < 0.9),
            }
        )
        for sample_matches in reference
    ]
    paired, _ = relative_gap([reference], [worse], replicates=200)
    shuffled, _ = relative_gap([reference], [[worse[at] for at in chance.permutation(150)]], replicates=200)
    assert paired.value == pytest.approx(shuffled.value, abs=2e-3)  # confidences are no longer tied alike
    assert 0.02 < paired.low < paired.value < paired.high < 0.4
    assert paired.high - paired.low < shuffled.high - shuffled.low


def test_seeds_that_differ_widen_the_interval() -> None:
    reference = [_matches(100, 0.9, 5)]
    alike, _ = relative_gap(reference, [_matches(100, 0.8, 6)] * 3, replicates=200)
    apart, _ = relative_gap(reference, [_matches(100, skill, 6) for skill in (0.6, 0.8, 1.0)], replicates=200)
    assert apart.high - apart.low > 1.2 * (alike.high - alike.low)
