"""Labels of a frame where they come to lie in its views and variants: boxes into the letterboxed square."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from raypp.geometry.boxes import Box
from raypp.geometry.letterbox import Letterbox
from raypp.geometry.rectangle import Rectangle
from raypp.ingest.archive_id import sample_id, variant_seed
from raypp.ingest.video_labels import check_shape
from raypp.ingest.worker import SegmentWorker
from raypp.media.annotations.boxes import ImageLabels
from raypp.media.augmentation import Variant, crop_boxes
from raypp.media.camera_views import View
from raypp.shards.labels import SampleLabels


@dataclass(frozen=True)
class LabelledRow:
    """A shard's row that labels may be of, without its code."""

    sample_id: str
    site: str
    camera: str
    source: str
    timestamp_us: int
    width: int
    height: int
    variant: int


@dataclass(frozen=True)
class LabelPlacing:
    """Moves the boxes of a source's frame to where they lie in a row of the archive.

    Attributes:
        worker: key, size and veil.
        views: the views of parts, by site and by the name of their own camera.
    """

    worker: SegmentWorker
    views: Mapping[tuple[str, str], View]

    def labelled(self, frame: LabelledRow, split: str, boxes: Sequence[Box]) -> SampleLabels:
        """Label a frame, view or variant; boxes of which too little is left are left out.

        Args:
            frame: the row.
            split: its split.
            boxes: normalised to the whole frame of the source.
        """
        settings = self.worker.settings
        letterbox = Letterbox(settings.size, settings.spec.patch, frame.width, frame.height)
        content = letterbox.content_width, letterbox.content_height
        places = np.array([[box.x, box.y, box.w, box.h] for box in boxes], dtype=np.float64).reshape(-1, 4)
        kept = np.ones(len(boxes), dtype=np.bool_)
        part = self._part(frame)
        if part is not None:
            places, kept = crop_boxes(places, part, *content)
        if frame.variant:
            variant = Variant.of_seed(variant_seed(self.worker.key, frame.site, frame.sample_id))
            places, still = variant.boxes(places, *content)
            kept &= still
        moved = letterbox.normalised_to_square(places).tolist()
        visible = tuple(
            Box(box.class_id, *place) for box, place, stays in zip(boxes, moved, kept, strict=True) if stays
        )
        return SampleLabels(frame.sample_id, split, visible, frame.variant)

    def own(self, rows: list[LabelledRow], identity: bytes) -> list[LabelledRow]:
        """Return those rows that are of a source, of rows that have its name: plain names may be of several.

        Args:
            rows: rows with the source's name.
            identity: keyed hash of the source's content, 32 bytes.
        """
        return [row for row in rows if self._is_of(row, identity)] if self.worker.settings.plain_names else rows

    def _is_of(self, row: LabelledRow, identity: bytes) -> bool:
        view = self.views.get((row.site, row.camera))
        name = None if view is None else view.name
        return row.sample_id == sample_id(self.worker.key, row.site, identity, row.timestamp_us, row.variant, name)

    def check_size(self, labels: ImageLabels, frame: LabelledRow, url: str) -> None:
        """Raise LabelError if labels say that they are of an image of another shape than a frame's."""
        if labels.size is None:
            return
        part, (width, height) = self._part(frame), labels.size
        if part is None:
            check_shape(labels.size, (frame.width, frame.height), url)
            return
        check_shape(part.shape(width, height), (frame.width, frame.height), url)

    def _part(self, frame: LabelledRow) -> Rectangle | None:
        view = self.views.get((frame.site, frame.camera))
        return None if view is None else view.rectangle
