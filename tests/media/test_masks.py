"""Privacy masks hide all of their polygons, for the camera they are meant for."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.errors import OptionError
from raypp.media.frame import PADDING
from raypp.media.masks import Mask, load_masks

_POINT = st.tuples(st.floats(0, 1), st.floats(0, 1))


@settings(max_examples=100, deadline=None)
@given(st.tuples(_POINT, _POINT, _POINT), st.integers(8, 90), st.integers(8, 90))
def test_every_pixel_of_a_polygon_is_painted(
    triangle: tuple[tuple[float, float], ...], width: int, height: int
) -> None:
    pixels = np.zeros((height + 3, width + 5, 3), dtype=np.uint8)
    Mask((triangle,)).paint(pixels, width, height)
    (ax, ay), (bx, by), (cx, cy) = triangle
    for s in np.linspace(0, 1, 9):
        for t in np.linspace(0, 1 - s, 9):
            x = min(int((ax + s * (bx - ax) + t * (cx - ax)) * width), width - 1)
            y = min(int((ay + s * (by - ay) + t * (cy - ay)) * height), height - 1)
            assert (pixels[y, x] == PADDING).all()
    assert (pixels[height:] == 0).all()
    assert (pixels[:, width:] == 0).all()


def test_the_most_specific_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text(
        """
        "*": [[[0, 0], [1, 0], [1, 1]]]
        gate: [[[0, 0], [0.5, 0], [0.5, 0.5]]]
        north/gate: []
        """
    )
    masks = load_masks(path)
    assert masks.for_camera("north", "gate").polygons == ()  # type: ignore[union-attr]
    assert masks.for_camera("south", "gate").polygons[0][1] == (0.5, 0)  # type: ignore[union-attr]
    assert masks.for_camera("south", "hall").polygons[0][1] == (1, 0)  # type: ignore[union-attr]
    assert masks.strangers([("north", "gate")]) == []
    assert masks.strangers([("south", "hall")]) == ["gate", "north/gate"]


@pytest.mark.parametrize(("text", "named"), [
    ("[1, 2]", "must map camera names"),
    ("gate: 3", "camera gate"),
    ("gate: [[[0, 0], [1, 1]]]", "camera gate, polygon 1 has 2 points"),
    ("gate: [[[0, 0], [1, 1], [2, 0]]]", "leaves the frame"),
    ("gate: [[[0, 0], [1, 1], [a, 0]]]", "list of [x, y] points"),
    ("gate: [[[0, 0], [1, 1], [.nan, 0]]]", "list of [x, y] points"),
    ("gate: [[[0, 0], [1, 1], [nan, 0]]]", "leaves the frame"),
    ("gate: [", "is no YAML"),
])  # fmt: skip
def test_a_wrong_masks_file_is_refused_by_place(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text(text)
    with pytest.raises(OptionError) as caught:
        load_masks(path)
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_camera_is_named_as_it_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text("007: [[[0, 0], [1, 1], [1, 0]]]\noff: [[[0, 0], [1, 1], [1, 0]]]\n")
    assert set(load_masks(path).masks) == {"007", "off"}


def test_masks_nested_without_end_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "masks.yaml"
    path.write_text("gate: " + "[" * 100_000)
    with pytest.raises(OptionError, match="nested deeper"):
        load_masks(path)


def test_images_of_many_sizes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypp.media.masks._MOST_KEPT_PIXELS", 3000)
    mask = Mask((((0.2, 0.2), (0.6, 0.2), (0.4, 0.6)),))
    for width in (40, 41, 42, 40, 43, 44, 40):
        pixels = np.zeros((30, width, 3), np.uint8)
        mask.paint(pixels, width, 30)
        assert 0.02 < (pixels > 0).mean() < 0.5
        assert sum(raster.size for raster in mask._rasters.values()) <= 3000 + 30 * width
