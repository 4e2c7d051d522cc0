"""Overlap and area of boxes against the count of their pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.geometry.boxes import areas, box_iou, centre

_SIDE = 12
_edge = st.integers(0, _SIDE)
_boxes = st.lists(st.tuples(_edge, _edge, _edge, _edge), max_size=4).map(
    lambda rows: np.array(
        [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in rows], dtype=np.float32
    ).reshape(-1, 4)
)


def _mask(corners: np.ndarray) -> np.ndarray:
    left, top, right, bottom = corners.astype(int)
    mask = np.zeros((_SIDE, _SIDE), dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


@given(_boxes, _boxes)
def test_the_overlap_of_boxes_is_that_of_their_pixels(some: np.ndarray, others: np.ndarray) -> None:
    overlaps = box_iou(some, others)
    assert overlaps.shape == (len(some), len(others))
    for row, first in enumerate(some):
        for column, second in enumerate(others):
            both, either = (_mask(first) & _mask(second)).sum(), (_mask(first) | _mask(second)).sum()
            assert overlaps[row, column] == pytest.approx(both / either if either else 0)


@given(_boxes)
def test_areas_are_counts_of_pixels(boxes: np.ndarray) -> None:
    assert areas(boxes).tolist() == [_mask(box).sum() for box in boxes]


def test_an_edge_past_its_opposite_has_no_area_and_the_centre_lies_between() -> None:
    assert areas(np.array([[3.0, 0.0, 1.0, 5.0]])).tolist() == [0]
    assert centre((1, 2, 5, 4)) == (3, 3)
