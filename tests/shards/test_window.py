from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.geometry.window import Window

_WINDOWS = st.builds(
    lambda patch, cells, width, height: Window(patch * cells, patch, width, height),
    st.sampled_from([4, 8, 16]),
    st.integers(1, 256),
    st.integers(1, 8192),
    st.integers(1, 8192),
)


@given(_WINDOWS)
def test_the_window_lies_in_the_square_on_cells_and_holds_the_content(window: Window) -> None:
    for content, cells, offset, pixels in (
        (window.content_width, window.columns, window.column_offset, window.window_width),
        (window.content_height, window.rows, window.row_offset, window.window_height),
    ):
        assert 1 <= content <= pixels == cells * window.patch < content + window.patch
        assert offset >= 0
        assert offset + cells <= window.grid
        assert offset == (window.grid - cells) // 2
    assert (window.offset_x, window.offset_y) == (window.column_offset * window.patch, window.row_offset * window.patch)


@given(_WINDOWS)
def test_the_long_side_fills_the_square_and_the_other_is_rounded_half_up(window: Window) -> None:
    scale = Fraction(window.size, max(window.source_width, window.source_height))
    assert max(window.content_width, window.content_height) == window.size
    assert window.content_width == max(1, int(scale * window.source_width + Fraction(1, 2)))
    assert window.content_height == max(1, int(scale * window.source_height + Fraction(1, 2)))


@given(_WINDOWS)
def test_turning_the_source_turns_the_window(window: Window) -> None:
    turned = Window(window.size, window.patch, window.source_height, window.source_width)
    assert (turned.rows, turned.columns) == (window.columns, window.rows)
    assert (turned.row_offset, turned.column_offset) == (window.column_offset, window.row_offset)


@pytest.mark.parametrize(
    ("source", "content", "cells", "offset"),
    [
        ((1920, 1080), (640, 360), (80, 45), (0, 17)),
        ((1080, 1920), (360, 640), (45, 80), (17, 0)),
        ((640, 640), (640, 640), (80, 80), (0, 0)),
        ((1280, 961), (640, 481), (80, 61), (0, 9)),
        ((10_000, 1), (640, 1), (80, 1), (0, 39)),
    ],
)
def test_known_windows(
    source: tuple[int, int], content: tuple[int, int], cells: tuple[int, int], offset: tuple[int, int]
) -> None:
    window = Window(640, 8, *source)
    assert (window.content_width, window.content_height) == content
    assert (window.columns, window.rows) == cells
    assert (window.column_offset, window.row_offset) == offset
