"""The letterbox maps boxes there and back, and its window lies on whole cells."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.geometry.letterbox import Letterbox

_SIZES = st.integers(1, 8000)
_BOXES = st.builds(Letterbox, st.sampled_from([320, 640, 1280]), st.sampled_from([4, 8, 16]), _SIZES, _SIZES)


@settings(max_examples=300)
@given(_BOXES, st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=5))
def test_boxes_go_there_and_back(box: Letterbox, corners: list[tuple[float, ...]]) -> None:
    size = np.array([box.source_width, box.source_height] * 2)
    boxes = np.array(corners) * size
    there = box.to_letterbox(boxes)
    np.testing.assert_allclose(box.to_source(there), boxes, atol=1e-6)
    assert (there >= -1e-6).all()
    assert (there <= box.size + 1e-6).all()


@settings(max_examples=300)
@given(_BOXES)
def test_the_window_holds_the_frame_on_whole_cells(box: Letterbox) -> None:
    assert max(box.content_width, box.content_height) == box.size
    assert min(box.content_width, box.content_height) >= 1
    assert box.window_width % box.patch == box.window_height % box.patch == 0
    assert 0 <= box.window_width - box.content_width < box.patch
    assert 0 <= box.window_height - box.content_height < box.patch
    assert box.offset_x % box.patch == box.offset_y % box.patch == 0
    assert box.offset_x + box.window_width <= box.size
    assert box.offset_y + box.window_height <= box.size


@settings(max_examples=300)
@given(_BOXES)
def test_the_content_keeps_its_shape_to_half_a_pixel(box: Letterbox) -> None:
    scale = box.size / max(box.source_width, box.source_height)
    assert abs(box.content_width - box.source_width * scale) <= 0.5 or box.content_width == 1
    assert abs(box.content_height - box.source_height * scale) <= 0.5 or box.content_height == 1
