"""Colours are named as a witness would name them."""

import numpy as np
import pytest

from raypp.audit.recognition.colours import Colour, colour_of


@pytest.mark.parametrize(
    ("pixel", "name"),
    [
        ((10, 12, 8), Colour.BLACK),
        ((128, 125, 130), Colour.GREY),
        ((245, 244, 240), Colour.WHITE),
        ((200, 30, 25), Colour.RED),
        ((200, 25, 45), Colour.RED),
        ((240, 220, 30), Colour.YELLOW),
        ((230, 130, 20), Colour.YELLOW),
        ((130, 80, 40), Colour.YELLOW),
        ((40, 160, 60), Colour.GREEN),
        ((30, 80, 200), Colour.BLUE),
        ((80, 190, 220), Colour.BLUE),
        ((150, 50, 190), Colour.PURPLE),
    ],
)
def test_a_pixel_has_the_name_that_people_give_it(pixel: tuple[int, int, int], name: Colour) -> None:
    assert colour_of(np.full((1, 1, 3), pixel, dtype=np.uint8)) == name


def test_most_pixels_decide_and_not_their_mean() -> None:
    part = np.full((10, 10, 3), (30, 80, 200), dtype=np.uint8)
    part[:4] = (240, 220, 30)
    assert colour_of(part) == Colour.BLUE
