"""Measures against cases worked out by hand, and against the published evaluation code's way."""

import random

import pytest

from raypp.usage.metrics import (
    LabelledSpan,
    boundary_errors,
    duration_error,
    edit_score,
    matched,
    segmental_f1,
    temporal_iou,
)


def _segments(*rows: tuple[str, float, float]) -> list[LabelledSpan]:
    return [LabelledSpan(*row) for row in rows]


_TRUTH = _segments(("a", 0, 10), ("b", 10, 20), ("a", 20, 30))


def test_iou_of_segments() -> None:
    assert temporal_iou(LabelledSpan("a", 0, 10), LabelledSpan("a", 5, 15)) == pytest.approx(5 / 15)
    assert temporal_iou(LabelledSpan("a", 0, 10), LabelledSpan("b", 0, 10)) == 0
    assert temporal_iou(LabelledSpan("a", 0, 10), LabelledSpan("a", 10, 20)) == 0


def test_perfect_and_empty() -> None:
    assert segmental_f1(_TRUTH, _TRUTH, 0.5).f1 == edit_score(_TRUTH, _TRUTH) == 1
    assert segmental_f1([], [], 0.5).f1 == edit_score([], []) == 1
    assert segmental_f1([], _TRUTH, 0.5).f1 == edit_score([], _TRUTH) == 0
    assert segmental_f1(_TRUTH, [], 0.5).f1 == edit_score(_TRUTH, []) == 0


def test_over_segmentation_costs_precision() -> None:
    predicted = _segments(("a", 0, 6), ("a", 7, 10), ("b", 10, 20), ("a", 20, 30))
    score = segmental_f1(predicted, _TRUTH, 0.25)
    assert (score.hits, score.false_alarms, score.misses) == (3, 1, 0)
    assert score.f1 == pytest.approx(6 / 7)
    assert (score.precision, score.recall) == (0.75, 1)


def test_overlap_decides() -> None:
    predicted = _segments(("a", 0, 4), ("b", 10, 20), ("a", 19, 30))  # IoU 0.4, 1, 10/11
    assert segmental_f1(predicted, _TRUTH, 0.25).f1 == 1
    score = segmental_f1(predicted, _TRUTH, 0.5)
    assert (score.hits, score.false_alarms, score.misses) == (2, 1, 1)
    assert score.f1 == pytest.approx(2 / 3)


def test_counts_of_videos_add_up() -> None:
    total = segmental_f1(_TRUTH[:1], _TRUTH, 0.5) + segmental_f1(_TRUTH, _TRUTH, 0.5)
    assert (total.hits, total.false_alarms, total.misses) == (4, 0, 2)


def test_edit_score_is_of_the_order_alone() -> None:
    assert edit_score(_segments(("a", 0, 1), ("b", 1, 99), ("a", 99, 100)), _TRUTH) == 1
    assert edit_score(_segments(("a", 0, 1), ("a", 2, 3)), _TRUTH) == pytest.approx(2 / 3)  # one insertion of three
    assert edit_score(_segments(("b", 0, 1), ("a", 2, 3), ("c", 4, 5)), _TRUTH) == pytest.approx(1 / 3)
    assert edit_score(_segments(*[("a", k, k + 1) for k in range(6)]), _TRUTH) == pytest.approx(2 / 6)


def test_boundaries_and_durations_of_matched_pairs() -> None:
    predicted = _segments(("a", 0.5, 9), ("b", 10, 20.25), ("c", 20, 30))
    assert matched(predicted, _TRUTH) == [(predicted[0], _TRUTH[0]), (predicted[1], _TRUTH[1])]
    assert boundary_errors(predicted, _TRUTH) == [0.5, 1, 0, 0.25]
    assert duration_error(predicted, _TRUTH) == pytest.approx((1.5 + 0.25) / 2)
    assert duration_error([], _TRUTH) == 0


def test_equal_to_the_published_code() -> None:
    generator = random.Random(4)
    for _ in range(300):
        predicted, truth = _random(generator), _random(generator)
        for overlap in (0.1, 0.25, 0.5):
            score = segmental_f1(predicted, truth, overlap)
            assert (score.hits, score.false_alarms, score.misses) == _f_score(predicted, truth, overlap)
        labels = [[segment.label for segment in segments] for segments in (predicted, truth)]
        assert edit_score(predicted, truth) == pytest.approx(_edit(*labels))


def _random(generator: random.Random) -> list[LabelledSpan]:
    """Segments that fill a video one after another, as in the field's data sets."""
    edges = sorted(generator.sample(range(1, 100), generator.randint(1, 12)))
    spans = zip([0, *edges], [*edges, 100], strict=True)
    return [LabelledSpan(generator.choice("abc"), start, end) for start, end in spans]


def _f_score(predicted: list[LabelledSpan], truth: list[LabelledSpan], overlap: float) -> tuple[int, int, int]:
    """As eval.py of MS-TCN counts: hull of both as union, times equality of labels, best true segment once."""
    tp = fp = 0
    hits = [0] * len(truth)
    for segment in predicted:
        scores = []
        for true in truth:
            shared = min(segment.end_s, true.end_s) - max(segment.start_s, true.start_s)
            hull = max(segment.end_s, true.end_s) - min(segment.start_s, true.start_s)
            scores.append(shared / hull * (segment.label == true.label))
        best = max(range(len(truth)), key=scores.__getitem__)
        if scores[best] >= overlap and not hits[best]:
            tp, hits[best] = tp + 1, 1
        else:
            fp += 1
    return tp, fp, len(truth) - sum(hits)


def _edit(some: list[str], other: list[str]) -> float:
    """Levenshtein's table, whole."""
    table = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(some) + 1)]
    for i in range(1, len(some) + 1):
        for j in range(1, len(other) + 1):
            change = table[i - 1][j - 1] + (some[i - 1] != other[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, change)
    return 1 - table[-1][-1] / max(len(some), len(other))
