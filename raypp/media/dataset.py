"""Labelled image sets: images in splits, and the labels of each, wherever they are written."""

from array import array
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from raypp.errors import LabelError, MediaError
from raypp.geometry.boxes import Box
from raypp.io.filesystem import is_url
from raypp.media.annotations.boxes import ImageLabels
from raypp.media.annotations.content import read_document_text
from raypp.media.annotations.rows import RowFormat, parse_labels
from raypp.media.dataset_images import DatasetImage, DatasetImages
from raypp.media.listing import Listing, Run
from raypp.text.names import check_names

_READERS = 16
_NONE = -1


@dataclass(frozen=True)
class Dataset:
    """A labelled image set.

    Attributes:
        root: its folder or URL.
        name: what it is called: that folder's name.
        classes: names of the classes, by class id.
        images: its images.
        rows: how rows of label files are read.
        missing_is_empty: whether an image without labels was looked at and is empty, as in YOLO layout.
        notes: what is odd about it, for people.
    """

    root: str
    name: str
    classes: tuple[str, ...]
    images: Sequence[DatasetImage]
    rows: RowFormat = field(default_factory=RowFormat)
    missing_is_empty: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise MediaError if a class cannot be shown: its name goes into tables, pages and images."""
        try:
            check_names(self.classes or ("none",))
        except ValueError as error:
            raise MediaError(f"classes of {self.root}: {error}; rename it") from None

    @property
    def labelled(self) -> bool:
        """Whether any image has labels."""
        if isinstance(self.images, DatasetImages):
            return self.images.labelled
        return any(image.has_labels for image in self.images)

    def labels_of(self, image: DatasetImage) -> ImageLabels | None:
        """Read the labels of an image; None for one that nobody has labelled.

        Raises:
            LabelError: naming file and remedy, if there are labels that cannot be used.
            SourceReadError: if they cannot be read.
        """
        if image.problem is not None:
            raise LabelError(image.problem)
        if image.label_url is not None:
            return parse_labels(read_document_text(image.label_url), self.classes, image.label_url, self.rows)
        if image.labels is None and self.missing_is_empty:
            return ImageLabels()
        return image.labels


@dataclass(frozen=True)
class LabelCount:
    """How many images have labels.

    Attributes:
        labelled: images with labels, the empty ones among them.
        without: images that there are no labels for.
        unread: images whose labels cannot be used.
    """

    labelled: int = 0
    without: int = 0
    unread: int = 0

    def __add__(self, other: "LabelCount") -> "LabelCount":
        """Count both together."""
        return LabelCount(self.labelled + other.labelled, self.without + other.without, self.unread + other.unread)

    @property
    def mostly_unlabelled(self) -> bool:
        """Whether more than half have no labels that can be used."""
        return self.without + self.unread > self.labelled


class LabelRead(NamedTuple):
    """Labels of one label file, in little room.

    Attributes:
        boxes: class id, x, y, w and h of each box, as float64 one after another.
        clipped, repeated: as in `ImageLabels`.
    """

    boxes: bytes
    clipped: int
    repeated: int

    @property
    def labels(self) -> ImageLabels:
        """The labels themselves."""
        numbers = iter(array("d", self.boxes))
        boxes = (Box(int(class_id), *box) for class_id, *box in zip(*[numbers] * 5, strict=True))
        return ImageLabels(tuple(boxes), None, self.clipped, self.repeated)


ReadOutcome = LabelRead | str | None
"""What a label file held, why that cannot be used, or None where it has not been read."""


class LabelMemory(Protocol):
    """Remembers what label files held, so that those which have not changed are not read again."""

    def recall(self, run: Run, reading: str) -> Sequence[LabelRead | None]:
        """Return what each file held when it was last read in this way; None where it is to be read."""
        ...

    def keep(self, run: Run, reading: str, outcomes: Sequence[ReadOutcome]) -> None:
        """Remember what files held; those whose labels cannot be used are read again next time."""
        ...


@dataclass(frozen=True)
class DatasetLabels:
    """All labels of a dataset, read.

    Attributes:
        images: the dataset's images.
        outcomes: for each, its labels; None if nobody has labelled it, or they cannot be used.
        problems: why labels cannot be used, by the image's URL.
        count: how many have labels.
    """

    images: Sequence[DatasetImage]
    outcomes: Sequence[ImageLabels | LabelRead | None]
    problems: dict[str, str]
    count: LabelCount

    def by_url(self) -> dict[str, ImageLabels]:
        """Make the labels of all images by URL; images that nobody has labelled are left out."""
        pairs = zip(self.images, self.outcomes, strict=True)
        return {
            image.file.url: outcome.labels if isinstance(outcome, LabelRead) else outcome
            for image, outcome in pairs
            if outcome is not None
        }

    @property
    def clipped(self) -> int:
        """Boxes that were clipped to their image."""
        return sum(outcome.clipped for outcome in self.outcomes if outcome is not None)

    @property
    def repeated(self) -> int:
        """Rows left out because they stand twice."""
        return sum(outcome.repeated for outcome in self.outcomes if outcome is not None)


def read_dataset_labels(dataset: Dataset, memory: LabelMemory | None = None) -> DatasetLabels:
    """Read the labels of all images; behind a URL, many at once.

    Args:
        dataset: the images, and where their labels are.
        memory: remembers what label files held; None to read them all.
    """
    by_url: dict[str, str] = {}
    counts: Counter[str] = Counter()
    outcomes: list[ImageLabels | LabelRead | None] = []
    for number, (outcome, has_labels) in enumerate(_outcomes(dataset, memory)):
        if isinstance(outcome, str):
            by_url[dataset.images[number].file.url] = outcome
            counts["unread"] += 1
            outcomes.append(None)
            continue
        outcomes.append(outcome)
        counts["labelled" if has_labels else "without"] += 1
    return DatasetLabels(dataset.images, outcomes, by_url, LabelCount(**counts))


def _outcomes(
    dataset: Dataset, memory: LabelMemory | None
) -> Iterator[tuple[ImageLabels | LabelRead | str | None, bool]]:
    """Yield for each image its labels or why they cannot be used, and whether there are any."""
    images = dataset.images
    if not isinstance(images, DatasetImages):
        yield from ((image.problem or image.labels, image.has_labels) for image in images)
        return
    read = _read_files(dataset, images.texts, memory, set(images.label_files()))
    missing = ImageLabels() if dataset.missing_is_empty else None
    for number, label in enumerate(images.label_files()):
        if label != _NONE:
            yield read[label], True
        else:
            problem = images.problem_at(number)
            yield problem or missing, problem is not None


def _read_files(
    dataset: Dataset, texts: Listing, memory: LabelMemory | None, used: Container[int]
) -> list[ReadOutcome]:
    """Read each label file that is used and not remembered."""
    reading = f"{len(dataset.classes)} classes, {dataset.rows}"
    outcomes: list[ReadOutcome] = []
    with ThreadPoolExecutor(_READERS) as pool:
        each = pool.map if is_url(dataset.root) else map
        for start, run in texts.starts():
            held: list[ReadOutcome] = [*memory.recall(run, reading)] if memory else [None] * len(run.sizes)
            left = [at for at, outcome in enumerate(held) if outcome is None and start + at in used]
            names = run.names if left else []
            urls = [f"{run.folder}/{names[at]}{run.query}" for at in left]
            for at, outcome in zip(left, each(lambda url: _attempt(dataset, url), urls), strict=True):
                held[at] = outcome
            outcomes += held
            if memory:
                memory.keep(run, reading, held)
    return outcomes


def _attempt(dataset: Dataset, url: str) -> LabelRead | str:
    try:
        labels = parse_labels(read_document_text(url), dataset.classes, url, dataset.rows)
    except (LabelError, MediaError) as error:
        return str(error)
    numbers = array("d", [number for box in labels.boxes for number in (box.class_id, box.x, box.y, box.w, box.h)])
    return LabelRead(numbers.tobytes(), labels.clipped, labels.repeated)


def loose_count(images: Iterable[str], unread: Iterable[str]) -> LabelCount:
    """Count images that belong to no dataset, of which some have labels that cannot be used."""
    total, bad = len(set(images)), len(set(unread))
    return LabelCount(0, total - bad, bad)
