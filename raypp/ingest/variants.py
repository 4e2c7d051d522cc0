"""A view of a frame as it is veiled: itself, and its variants after it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from raypp.geometry.window import Window
from raypp.ingest.archive_id import sample_id, variant_seed
from raypp.media.augmentation import Variant
from raypp.media.camera_views import View
from raypp.media.frame import Frame

if TYPE_CHECKING:
    from raypp.ingest.segment import Item
    from raypp.ingest.worker import SegmentWorker


class Version(NamedTuple):
    """One row of a shard to be: its sample_id, its number (0 is the frame itself), and its pixels."""

    sample_id: str
    variant: int
    pixels: npt.NDArray[np.uint8]


def frame_versions(frame: Frame, view: View, item: "Item", worker: "SegmentWorker") -> Iterator[Version]:
    """Yield a view of a frame, then each of the variants that were planned of it; the same whoever asks, whenever."""
    identity, key = bytes.fromhex(item.identity), worker.key
    window = Window(worker.settings.size, worker.settings.spec.patch, frame.source_width, frame.source_height)
    preparation = worker.settings.preparation
    if preparation:
        prepared = preparation.apply(frame.pixels, window.content_width, window.content_height)
        frame = replace(frame, pixels=prepared)
    for number in range(1 + item.variants):
        name = sample_id(key, item.site, identity, frame.timestamp_us, number, view.name)
        pixels = variant_pixels(frame, window, variant_seed(key, item.site, name)) if number else frame.pixels
        yield Version(name, number, pixels)


def variant_pixels(frame: Frame, window: Window, seed: bytes) -> npt.NDArray[np.uint8]:
    """Return the pixels of the variant of a frame that a seed stands for, in the frame's window."""
    return Variant.of_seed(seed).pixels(frame.pixels, window.content_width, window.content_height)
