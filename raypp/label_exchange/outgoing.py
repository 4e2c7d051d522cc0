"""Labels of an archive as a labelling tool's document; its images are named by sample_id."""

from raypp.errors import LabelError
from raypp.media.annotations.boxes import LabelledShape, from_centre
from raypp.media.annotations.document import Annotations, ImageAnnotation
from raypp.shards.labels import LabelTable, SampleLabels

IMAGE_SUFFIX = ".png"


def outgoing_annotations(table: LabelTable, size: int, split: str | None = None) -> Annotations:
    """Return the labels of a version's frames, without variants, in pixels of the square.

    Args:
        table: the label version.
        size: side of the square, in pixels.
        split: only frames of this split; None for all.

    Raises:
        LabelError: if the split has no frames.
    """
    rows = [row for row in table.rows if not row.variant and split in {None, row.split}]
    if not rows:
        there = ", ".join(sorted(table.splits)) or "none"
        raise LabelError(f"label version {table.version} has no frames of split {split}; it has {there}")
    images = tuple(_image(row, table.classes, size) for row in rows)
    return Annotations("raypp", table.classes, images=images)


def _image(row: SampleLabels, classes: tuple[str, ...], size: int) -> ImageAnnotation:
    shapes = []
    for box in row.boxes:
        left, top, right, bottom = (edge * size for edge in from_centre(box.x, box.y, box.w, box.h))
        shapes.append(LabelledShape(classes[box.class_id], (left, top, right, bottom)))
    return ImageAnnotation(row.sample_id + IMAGE_SUFFIX, (size, size), tuple(shapes), row.split)
