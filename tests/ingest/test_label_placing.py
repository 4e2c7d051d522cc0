"""Boxes in views: moved with the pixels, clipped, dropped by one rule, and never of an image of another shape."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raypp.errors import LabelError
from raypp.geometry.rectangle import Rectangle
from raypp.ingest.label_placing import LabelledRow, LabelPlacing
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker
from raypp.media.annotations.boxes import ImageLabels
from raypp.media.augmentation import crop_boxes
from raypp.media.camera_views import View
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

_EDGE = st.floats(0, 1)
_PART = Rectangle(0.25, 0.5, 0.75, 1)


@given(st.lists(st.tuples(_EDGE, _EDGE, st.floats(0.01, 1), st.floats(0.01, 1)), max_size=5))
def test_a_box_in_a_view_is_the_part_of_it_that_lies_there(boxes: list[tuple[float, ...]]) -> None:
    places = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    moved, kept = crop_boxes(places, _PART, 320, 320)
    for (x, y, w, h), (left, top, right, bottom), stays in zip(
        boxes,
        np.concatenate([moved[:, :2] - moved[:, 2:] / 2, moved[:, :2] + moved[:, 2:] / 2], axis=1),
        kept,
        strict=True,
    ):
        across = [min(max((edge - 0.25) / 0.5, 0), 1) for edge in (x - w / 2, x + w / 2)]
        along = [min(max((edge - 0.5) / 0.5, 0), 1) for edge in (y - h / 2, y + h / 2)]
        assert (left, top, right, bottom) == pytest.approx((across[0], along[0], across[1], along[1]))
        share = (right - left) * (bottom - top) / (w / 0.5 * h / 0.5)
        if share < 0.099:
            assert not stays
        elif share > 0.101 and min(right - left, bottom - top) * 320 > 4:
            assert stays


def test_labels_of_an_image_of_another_shape_are_refused_for_a_view_alone(tmp_path: Path) -> None:
    save_owner_key(VeilKey(bytes(32)), tmp_path / "owner.key")
    worker = SegmentWorker.open(VeilSettings(out=str(tmp_path / "out"), key_path=tmp_path / "owner.key"))
    placing = LabelPlacing(worker, {("plant", "gate.hands"): View("gate.hands", "hands", _PART)})
    row = LabelledRow("00", "plant", "gate.hands", "video", 0, 320, 120, 0)  # of 640x240
    for size in ((640, 240), (1280, 480), (320, 120)):
        placing.check_size(ImageLabels((), size=size), row, "a.jpg")
    with pytest.raises(LabelError, match="label the image as it is shown"):
        placing.check_size(ImageLabels((), size=(240, 640)), row, "a.jpg")
