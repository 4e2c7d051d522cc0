"""Images of veiled frames, as an attacker without a key sees their codes, with labels and detections on them."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.evaluate.detections import fractions
from raypp.evaluate.frame_detections import FrameDetections
from raypp.geometry.window import Window
from raypp.media.drawing import Mark, draw_boxes
from raypp.shards.archive import Archive, VeiledFrame
from raypp.veil.view import component_view

_LEAST_SIDE = 640
"""Pixels of the square, so that names of classes can be read."""


def draw_veiled(
    archive: Archive, frames: Sequence[VeiledFrame], detections: Iterable[FrameDetections] = ()
) -> list[Image.Image]:
    """Draw veiled frames as an attacker without the key sees them first; labels are green, detections orange.

    Colours are the three strongest components of the codes; frames of one sub-key share them.

    Args:
        archive: the archive that the frames are of.
        frames: frames of one camera, or of several; the more there are, the more their codes show.
        detections: detections on any of them, by `Detector.detect`.

    Returns:
        An RGB image of each frame.
    """
    by_frame = {item.sample_id: item for item in detections}
    return [
        _marked(archive, frame, view, by_frame.get(frame.sample_id))
        for frame, view in zip(frames, _views(frames), strict=True)
    ]


def _views(frames: Sequence[VeiledFrame]) -> list[npt.NDArray[np.uint8]]:
    """View the codes of each frame, uint8[rows, columns, 3]."""
    views: dict[int, npt.NDArray[np.uint8]] = {}
    for sub_key in {frame.sub_key for frame in frames}:
        numbers = [number for number, frame in enumerate(frames) if frame.sub_key == sub_key]
        seen = component_view([frames[number].codes_CRW for number in numbers])
        views |= dict(zip(numbers, seen, strict=True))
    return [views[number] for number in range(len(frames))]


def _marked(
    archive: Archive, frame: VeiledFrame, view: npt.NDArray[np.uint8], detected: FrameDetections | None
) -> Image.Image:
    """Draw the marks in the whole square, as they are given, and cut out the window."""
    size, patch = archive.header.size, archive.header.patch
    window = Window(size, patch, frame.width, frame.height)
    cell = patch * -(-_LEAST_SIDE // size)
    square = Image.new("RGB", (window.grid * cell, window.grid * cell))
    tile = Image.fromarray(view).resize((window.columns * cell, window.rows * cell), Image.Resampling.NEAREST)
    left, top = window.column_offset * cell, window.row_offset * cell
    square.paste(tile, (left, top))
    draw_boxes(square, _labels(archive, frame), _detections(detected, size))
    return square.crop((left, top, left + tile.width, top + tile.height))


def _labels(archive: Archive, frame: VeiledFrame) -> list[Mark]:
    boxes = frame.labels.boxes if frame.labels else ()
    return [Mark(archive.classes[box.class_id], box.x, box.y, box.w, box.h) for box in boxes]


def _detections(detected: FrameDetections | None, size: int) -> list[Mark]:
    if detected is None:
        return []
    rows = zip(detected.names, detected.boxes_P4, detected.confidence_P, strict=True)
    return [Mark(name, *fractions(box_4, size), confidence=float(confidence)) for name, box_4, confidence in rows]
