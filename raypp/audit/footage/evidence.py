"""The owner's own images to attack: some that the attacker knows, some that he must not have."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path

import numpy as np

from raypp.audit.core.model import Frames, Images, Moment
from raypp.audit.footage.video import VideoMoment, frames_from, moments
from raypp.errors import OptionError
from raypp.geometry.boxes import Box
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.dataset import Dataset
from raypp.media.dataset_images import DatasetImage
from raypp.media.discovery import discover
from raypp.media.files import open_source
from raypp.media.image import decode_image
from raypp.media.sidecar import Sidecar, read_sidecar
from raypp.media.source import SourceFile, SourceKind

CELL = 32
"""Windows are multiples of this many pixels, so that every veil and every baseline fits."""
CAMERA = "audit"
"""All images are veiled as one camera's: known pairs are of the victims' own sub-key, the attacker's best case."""
_TOLERANCE_US = 100_000
_LEAST = 4

Labels = tuple[tuple[str, Box], ...]
Labelled = dict[str, tuple[Dataset, DatasetImage]]
"""By image of a dataset: the dataset, and what it says of the image."""


@dataclass(frozen=True)
class Evidence:
    """Images of an audit.

    Attributes:
        known: for the attacker, from the first sources, or, of fewer than three, from the first part of each.
        victims: from the others, or from the last part.
        passed_by: images left out because most others have another shape.
    """

    known: Images
    victims: Images
    passed_by: int

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all images and labels, as hex."""
        return digest_of(self.known, self.victims)


@dataclass(frozen=True)
class _Taken:
    source: str
    pixels: Frames
    labels: Labels
    moment: Moment | None = None


def digest_of(*some: Images) -> str:
    """SHA-256 of images with their labels, as hex."""
    digest = sha256()
    for images in some:
        digest.update(f"{images.frames.shape} {images.cameras} {images.boxes}".encode())
        digest.update(images.frames.tobytes())
    return digest.hexdigest()


def gather(sources: Sequence[str], size: int, known: int, victims: int, seed: int) -> Evidence:
    """Read images evenly from all sources.

    Args:
        sources: videos, folders, datasets, inventories, as `raypp veil` takes them.
        size: side of the letterboxed square, in pixels; a multiple of 32.
        known: how many for the attacker, at most.
        victims: how many to attack, at most.
        seed: of which sources are the victims'.

    Raises:
        OptionError: if there are not at least four images of one shape.
        MediaError: if a source is not there or cannot be decoded.
    """
    discovery = discover(sources)
    labelled = {image.file.url: (dataset, image) for dataset in discovery.datasets for image in dataset.images}
    files = [*discovery.files, *(image.file for dataset in discovery.datasets for image in dataset.images)]
    if not files:
        raise OptionError(f"no video and no image in {', '.join(sources)}; name the owner's own footage")
    order = [files[place] for place in np.random.default_rng(seed).permutation(len(files))]
    if len(order) < 3:
        halves = [list(_images(file, -(-(known + victims) // len(order)), size, labelled)) for file in order]
        share = known / (known + victims)
        mine = [image for half in halves for image in half[: round(len(half) * share)]]
        theirs = [image for half in halves for image in half[round(len(half) * share) :]]
    else:
        cut = max(1, min(len(order) - 1, round(len(order) * victims / (known + victims))))
        theirs = _from(order[:cut], victims, size, labelled)
        mine = _from(order[cut:], known, size, labelled)
    return _same_shape(mine[:known], theirs[:victims])


def _from(files: Sequence[SourceFile], count: int, size: int, labelled: Labelled) -> list[_Taken]:
    """Take `count` images, as evenly as the files allow."""
    chosen = files[:count]
    each = -(-count // len(chosen))
    return [image for file in chosen for image in _images(file, each, size, labelled)]


def _images(file: SourceFile, count: int, size: int, labelled: Labelled) -> Iterator[_Taken]:
    """Yield images of a file, in order of time."""
    if file.kind is SourceKind.IMAGE:
        yield _Taken(file.url, *read_labelled(file.url, labelled.get(file.url), size, CELL))
        return
    stream = open_source(file.url)
    try:
        info = probe(stream)
        box = Letterbox(size, CELL, info.width, info.height)
        sidecar = _sidecar(file)
        for moment in moments(info, count):
            for frame in islice(frames_from(stream, info, moment, box), 1):
                boxes = sidecar.boxes_at(frame.timestamp_us, _TOLERANCE_US) if sidecar else None
                recorded = VideoMoment(file.url, frame.timestamp_us, size, CELL)
                yield _Taken(file.url, frame.pixels, _within(box, boxes or ()), recorded)
    finally:
        stream.close()


def read_labelled(
    url: str, labelled: tuple[Dataset, DatasetImage] | None, size: int, cell: int
) -> tuple[Frames, Labels]:
    """Read an image into its window, uint8[H, W, 3], and its labels, as fractions of that.

    Args:
        url: the image.
        labelled: its dataset, and what that says of it; None for an image of no dataset. Label files behind a URL are
            not read.
        size: side of the letterboxed square, in pixels.
        cell: pixels that the window is a multiple of.

    Raises:
        LabelError, MediaError: if labels or image cannot be read.
    """
    stream = open_source(url)
    try:
        frame = decode_image(stream, size, cell, None)
    finally:
        stream.close()
    window = Letterbox(size, cell, frame.source_width, frame.source_height)
    if labelled is None or "://" in (labelled[1].label_url or ""):
        return frame.pixels, ()
    dataset, image = labelled
    labels = dataset.labels_of(image)
    boxes = labels.boxes if labels else ()
    return frame.pixels, _within(window, tuple((dataset.classes[box.class_id], box) for box in boxes))


def _sidecar(file: SourceFile) -> Sidecar | None:
    place = Path(file.url).with_suffix(".labels.csv")
    return read_sidecar(place.read_text(), str(place)) if "://" not in file.url and place.is_file() else None


def _within(window: Letterbox, labels: Labels) -> Labels:
    """Boxes are of the source's frame; here they become fractions of the window."""
    x, y = window.content_width / window.window_width, window.content_height / window.window_height
    return tuple(
        (name, Box(class_id=box.class_id, x=box.x * x, y=box.y * y, w=box.w * x, h=box.h * y)) for name, box in labels
    )


def _same_shape(mine: Sequence[_Taken], theirs: Sequence[_Taken]) -> Evidence:
    shapes = Counter(image.pixels.shape for image in (*mine, *theirs))
    shape = shapes.most_common(1)[0][0] if shapes else ()
    known = [image for image in mine if image.pixels.shape == shape]
    victims = [image for image in theirs if image.pixels.shape == shape]
    if len(known) < _LEAST or len(victims) < _LEAST:
        raise OptionError(
            f"{len(known)} images for the attacker and {len(victims)} to attack, of one shape; an audit needs "
            f"{_LEAST} of each: name more footage"
        )
    return Evidence(_together(known), _together(victims), len(mine) + len(theirs) - len(known) - len(victims))


def _together(taken: Sequence[_Taken]) -> Images:
    recorded = tuple(image.moment for image in taken)
    return Images(
        np.stack([image.pixels for image in taken]),
        (CAMERA,) * len(taken),
        tuple(image.labels for image in taken),
        recorded if any(recorded) else (),
    )
