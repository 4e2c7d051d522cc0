"""Samples come back out of their table as they went in, by sample_id, each once."""

from dataclasses import replace

import numpy as np

from raypp.evaluate.detections import SampleDetections
from raypp.evaluate.matching import JoinedMatches, SampleMatches
from raypp.evaluate.request import FrameOrigin, PredictedSample
from raypp.evaluate.sample_table import SampleTable


def _sample(number: int, detections: int, labels: int) -> PredictedSample:
    chance, name = np.random.default_rng(number), f"{number * 7919 % 10_000:032x}"
    confidence, classes = chance.random(detections, dtype=np.float32), chance.integers(0, 4, detections)
    labelled = chance.integers(0, 4, labels)
    matches = SampleMatches(
        name, chance.random((detections, 10)) < 0.5, confidence, classes.astype(np.float32), labelled.astype(np.float32)
    )
    kept = confidence > 0.3
    boxes, places = (chance.random((count, 4), dtype=np.float32) for count in (kept.sum(), labels))
    seen = SampleDetections(name, boxes, confidence[kept], classes[kept], places, labelled)
    time = None if number % 3 == 0 else number * 1_000_003
    codes = np.full((2, 3, 3), number % 256, dtype=np.uint8) if number % 50 == 0 else None
    return PredictedSample(matches, seen, FrameOrigin(f"site {number % 2}", f"camera {number % 5}", time), codes)


def _values(sample: PredictedSample) -> list[object]:
    arrays = [*vars(sample.matches).values(), *vars(sample.detections).values(), sample.codes_CGG]
    return [sample.origin, *(_value(array) for array in arrays)]


def _value(value: object) -> object:
    return (value.dtype, value.shape, value.tolist()) if isinstance(value, np.ndarray) else value


def test_each_sample_comes_back_once_and_the_last_of_a_name_counts() -> None:
    samples = [_sample(number, number % 4 * 5, number % 3) for number in range(2500)]
    again = [replace(sample, codes_CGG=None) for sample in samples[:5]]
    table = SampleTable([*samples, *again])
    wanted = {sample.matches.sample_id: sample for sample in samples}
    assert len(table) == len(wanted) == 2500
    for name, sample in zip(sorted(wanted), table, strict=True):
        assert _values(sample)[:-1] == _values(wanted[name])[:-1]
    assert [_values(sample) for sample in table[2:9:3]] == [_values(table[place]) for place in (2, 5, 8)]
    assert {sample.matches.sample_id for sample in table if sample.codes_CGG is not None} == {
        name for name, sample in wanted.items() if sample.codes_CGG is not None
    }


def test_a_table_of_nothing_has_no_samples() -> None:
    assert list(SampleTable([])) == []
    assert JoinedMatches.of([]).samples == 0


def test_codes_can_be_kept_later() -> None:
    table = SampleTable([_sample(number, 2, 1) for number in range(1, 4)])
    name = table[1].matches.sample_id
    table.keep_codes({name: np.ones((2, 3, 3), dtype=np.uint8)})
    assert [sample.codes_CGG is not None for sample in table] == [False, True, False]


def test_joined_matches_are_all_matches_in_their_order() -> None:
    matches = [_sample(number, number % 4, number % 3).matches for number in range(2100)]
    joined = JoinedMatches.of(iter(matches))
    assert joined.samples == 2100
    for name in ("correct_PT", "confidence_P", "predicted_P", "labelled_L"):
        assert np.array_equal(getattr(joined, name), np.concatenate([getattr(match, name) for match in matches]))
    classes = np.concatenate([np.unique(match.labelled_L) for match in matches])
    assert np.array_equal(joined.image_classes, classes)
