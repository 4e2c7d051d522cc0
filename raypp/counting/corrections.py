"""Corrected boxes as a document that `raypp label import` takes: COCO, images named by sample_id, no pixel."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from raypp.counting.plain_image import PlainImage
from raypp.errors import OptionError
from raypp.geometry.boxes import Edges
from raypp.geometry.letterbox import Letterbox
from raypp.ingest.archive_id import EDGE_BYTES, sample_id
from raypp.ingest.plan_file import load_plan
from raypp.ingest.segment import Item
from raypp.io.atomic import write_bytes
from raypp.label_exchange.outgoing import IMAGE_SUFFIX
from raypp.media.annotations.boxes import LabelledShape
from raypp.media.annotations.document import Annotations, ImageAnnotation
from raypp.media.annotations.label_tool import LabelTool
from raypp.media.annotations.writing import document_files
from raypp.media.files import open_source
from raypp.media.source import SourceKind
from raypp.shards.schema import ArchiveHeader
from raypp.veil.key import Keyring


class CorrectedImage(NamedTuple):
    """Boxes that a person says are right.

    Attributes:
        sample_id: of the image in the archive.
        width, height: of the image, in pixels.
        boxes: class_id and edges in pixels of the image.
    """

    sample_id: str
    width: int
    height: int
    boxes: tuple[tuple[int, Edges], ...]


class Corrections:
    """Corrections of images of one archive, written whole at each change.

    Args:
        path: the document.
        header: of the archive.
        private: the owner's side of the archive, which knows its images.
        key: the owner's key.
        classes: names of the classes, by class_id.

    Raises:
        OptionError: if the document is there already, or no image of the archive is known.
    """

    def __init__(
        self, path: Path, header: ArchiveHeader, private: Path, key: Keyring, classes: tuple[str, ...]
    ) -> None:
        if path.exists():
            raise OptionError(f"`corrections` {path} exists; import it by `raypp label import`, or name another file")
        self.path = path
        self._header, self._key, self._classes = header, key, classes
        self._images: dict[str, CorrectedImage] = {}
        self._items: dict[int, list[Item]] = {}
        for item in load_plan(private).items():
            if item.kind is SourceKind.IMAGE:
                self._items.setdefault(item.size, []).append(item)
        if not self._items:
            raise OptionError(f"{private} knows no image of the archive; name the archive's own owner's side")

    def sample_id(self, image: PlainImage) -> str | None:
        """Return the sample_id of an image of the archive, by its bytes; None for another."""
        for item in self._items.get(len(image.content), ()):
            if _same_ends(item, image.content):
                return sample_id(self._key, item.site, bytes.fromhex(item.identity), 0)
        return None

    def keep(self, image: CorrectedImage) -> None:
        """Keep an image's boxes, in the place of earlier ones; raises OptionError if they cannot be written."""
        self._images[image.sample_id] = image
        annotations = Annotations("raypp", self._classes, images=tuple(map(self._annotation, self._images.values())))
        (content,) = document_files(annotations, LabelTool.COCO).values()
        try:
            write_bytes(self.path, content, durable=True)
        except OSError as error:
            raise OptionError(f"`corrections` {self.path}: {error.strerror}; see to its disk") from None

    @property
    def images(self) -> Mapping[str, CorrectedImage]:
        """Corrected images by sample_id."""
        return self._images

    def _annotation(self, image: CorrectedImage) -> ImageAnnotation:
        """Return boxes in pixels of the square, as labels of the archive are."""
        box, side = Letterbox(self._header.size, self._header.patch, image.width, image.height), self._header.size
        shapes = tuple(
            LabelledShape(self._classes[class_id], tuple(box.to_letterbox(np.array([edges]))[0].tolist()))
            for class_id, edges in image.boxes
        )
        return ImageAnnotation(image.sample_id + IMAGE_SUFFIX, (side, side), shapes, "")


def _same_ends(item: Item, content: bytes) -> bool:
    """Whether an image of the archive begins and ends as this one of the same size."""
    stream = open_source(item.url)
    try:
        stream.seek(0)
        head = stream.read(EDGE_BYTES)
        stream.seek(max(0, stream.size - EDGE_BYTES))
        return (head, stream.read(EDGE_BYTES)) == (content[:EDGE_BYTES], content[-EDGE_BYTES:])
    finally:
        stream.close()
