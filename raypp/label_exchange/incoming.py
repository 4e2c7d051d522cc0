"""A labelling tool's document as a new label version: whole, or refused."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import LabelError
from raypp.geometry.boxes import Box
from raypp.media.annotations.boxes import fit, to_box
from raypp.media.annotations.coco import CocoReader
from raypp.media.annotations.content import MOST_XML, parse_json, parse_xml, read_bytes
from raypp.media.annotations.cvat import CvatReader
from raypp.media.annotations.document import AnnotationReader, Annotations, ImageAnnotation
from raypp.media.annotations.label_tool import LabelTool
from raypp.media.annotations.labelstudio import LabelStudioReader
from raypp.shards.labels import LabelTable, SampleLabels, write_labels
from raypp.shards.reader import ShardReader
from raypp.shards.relabelled import relabel

_SAMPLE = re.compile(r"(?:^|[^0-9a-f])([0-9a-f]{32})(?:\.\w+)?$")
_ROUNDING = 2e-4
"""Part of the square by which a tool may round a box beyond it."""
_SAME = 0.011
"""Units of a document, pixels or percent, that a box may be off and still be the same: CVAT keeps two digits."""
_READERS: Mapping[LabelTool, AnnotationReader] = {
    LabelTool.COCO: CocoReader(),
    LabelTool.CVAT: CvatReader(),
    LabelTool.LABEL_STUDIO: LabelStudioReader(),
}


class ImportSummary(BaseModel):
    """Result of `raypp label import`."""

    model_config = ConfigDict(frozen=True)

    labels_version: str
    images: int = Field(description="images of the document whose frames the label version has")
    changed: int = Field(description="frames whose labels differ from those of the version before")
    variants_dropped: int = Field(description="variants of changed frames, whose labels are out of date, left out")
    problems: tuple[str, ...] = Field(description="one line for each image that is of no frame, or says nothing")


def read_tool_document(path: Path, tool: LabelTool) -> Annotations:
    """Read a tool's document of images; raises LabelError or SourceReadError, naming it, if it is none."""
    where = str(path)
    document: Any
    if tool is LabelTool.CVAT:
        document = parse_xml(read_bytes(where, MOST_XML), where)
    else:
        document = parse_json(read_bytes(where), where)
    reader = _READERS[tool]
    if not reader.recognises(document):
        raise LabelError(f"{where} is no document of {tool}; name its format with `from_`")
    annotations = reader.read(document, where)
    if annotations.videos:
        raise LabelError(f"{where} labels videos; export images, named as `raypp label export` named them")
    return annotations


def import_labels(reader: ShardReader, table: LabelTable, path: Path, tool: LabelTool, name: str) -> ImportSummary:
    """Write a label version in which the frames of a document have its labels, and all others those they had.

    Args:
        reader: the archive.
        table: label version to start from.
        path: the document.
        tool: its format.
        name: name of the new version.

    Raises:
        LabelError: if a box lies outside its frame, a class is unknown, a frame comes twice, or no image is of a frame.
        ConflictError: if the version exists with other content.
    """
    annotations = read_tool_document(path, tool)
    before = {row.sample_id: row for row in table.rows if not row.variant}
    numbers = {name: number for number, name in enumerate(table.classes)}
    instead: dict[str, SampleLabels] = {}
    problems = list(annotations.left_out)
    for image in annotations.images:
        where = f"{path}: image {image.name}"
        named = _SAMPLE.search(image.name)
        row = before.get(named[1]) if named else None
        if row is None:
            problems.append(f"{where} is of no frame of label version {table.version}; it is left out")
            continue
        if row.sample_id in instead:
            raise LabelError(f"{where} comes twice; keep one of the two")
        instead[row.sample_id] = _row(row, image, numbers, where)
    if not instead:
        raise LabelError(
            f"{path}: none of its {len(annotations.images)} images is of a frame of label version {table.version}; "
            "images are named SAMPLE_ID.png, as `raypp label export` names them"
        )
    new = relabel(reader, table, instead)
    write_labels(reader.store, name, table.classes, table.veil_id, new.rows)
    return ImportSummary(
        labels_version=name,
        images=len(instead),
        changed=len(new.changed),
        variants_dropped=new.variants_dropped,
        problems=tuple(problems),
    )


def _row(row: SampleLabels, image: ImageAnnotation, numbers: Mapping[str, int], where: str) -> SampleLabels:
    if image.problem is not None:
        raise LabelError(image.problem)
    width, height = image.extent
    boxes = []
    for number, shape in enumerate(image.shapes, 1):
        place = f"{where}: label {number} ({shape.name})"
        if shape.name not in numbers:
            raise LabelError(f"{place}: the class is none of {', '.join(numbers)[:200]}; correct it in the tool")
        left, top, right, bottom = shape.edges
        edges, _ = fit((left / width, top / height, right / width, bottom / height), place, overshoot=_ROUNDING)
        boxes.append(_as_before(to_box(numbers[shape.name], edges), row.boxes, _SAME / min(image.extent)))
    return replace(row, boxes=tuple(boxes))


def _as_before(box: Box, before: tuple[Box, ...], tolerance: float) -> Box:
    """Return the label that a box was before a tool rounded it; else the box."""
    for own in before:
        sides = zip((own.x, own.y, own.w, own.h), (box.x, box.y, box.w, box.h), strict=True)
        if own.class_id == box.class_id and all(abs(side - other) <= tolerance for side, other in sides):
            return own
    return box
