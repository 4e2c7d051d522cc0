"""Tiles cover an image, each place once; a box at a seam counts once."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.counting.counted_object import DetectedBox
from raypp.counting.tiles import join_tiles, plan_tiles


@settings(deadline=None, max_examples=40)
@given(st.integers(40, 3000), st.integers(40, 3000), st.integers(200, 900), st.floats(1, 400))
def test_each_place_is_one_tiles_own_and_lies_within_it(width, height, side, largest):
    tiles = plan_tiles(width, height, side, largest)
    generator = np.random.default_rng(0)
    for x, y in generator.uniform((0, 0), (width, height), (20, 2)):
        own = [tile for tile in tiles if tile.owns((x, y, x, y))]
        assert len(own) == 1
        assert own[0].left <= x <= own[0].right
        assert own[0].top <= y <= own[0].bottom
    assert all(tile.right - tile.left <= max(1.25 * side, side) for tile in tiles)


def test_an_object_no_larger_than_the_overlap_lies_whole_in_the_tile_that_owns_it():
    tiles = plan_tiles(2000, 500, 640, 96)
    for x in np.arange(50, 1950, 7.0):
        box = (x - 48, 200, x + 48, 296)
        (own,) = [tile for tile in tiles if tile.owns(box)]
        assert own.left <= box[0]
        assert own.right >= box[2]


def test_a_box_that_two_tiles_see_counts_once():
    tiles = plan_tiles(1200, 480, 640, 96)
    first, second = tiles[:2]
    seam = first.own[2]
    near = DetectedBox(0, 0.9, (seam - 21, 100, seam + 19, 140))
    same = DetectedBox(0, 0.8, (seam - 19, 100, seam + 21, 140))
    other = DetectedBox(1, 0.7, (seam - 19, 100, seam + 21, 140))
    assert join_tiles([(first, [near]), (second, [same])]) == [near]
    assert join_tiles([(first, [near]), (second, [other])]) == [near, other]
    # seen by the neighbour alone, whose it is not
    assert join_tiles([(second, [near])]) == []


def test_two_boxes_of_one_tile_are_left_to_the_detector():
    (tile,) = plan_tiles(640, 480, 640, 96)
    boxes = [DetectedBox(0, 0.9, (10, 10, 50, 50)), DetectedBox(0, 0.8, (11, 10, 51, 50))]
    assert join_tiles([(tile, boxes)]) == boxes
