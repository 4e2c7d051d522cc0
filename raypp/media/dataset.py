"""Labelled image sets: images in splits, and the labels of each, wherever they are written."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from raypp.errors import LabelError, MediaError
from raypp.io.filesystem import is_url
from raypp.media.annotations.boxes import ImageLabels
from raypp.media.annotations.content import read_document_text
from raypp.media.annotations.rows import RowFormat, parse_labels
from raypp.media.listing import Listed
from raypp.media.source import SourceFile, SourceKind
from raypp.text.names import check_names

UNLISTED = "unlisted"
UNSPLIT = "unsplit"
_READERS = 16


@dataclass(frozen=True)
class DatasetImage:
    """One image of a dataset.

    Attributes:
        file: the image.
        split: train, val or test; for images that the dataset's description leaves out, by their folder, else
            "unlisted"; "unsplit" where the labels' document names no split.
        label_url: its label file, in YOLO layout.
        labels: its labels, where a document of all images holds them.
        problem: why the labels that there are for it cannot be used, or None.
    """

    file: SourceFile
    split: str
    label_url: str | None = None
    labels: ImageLabels | None = None
    problem: str | None = None

    @property
    def has_labels(self) -> bool:
        """Whether there are labels for it, to be used or not."""
        return self.label_url is not None or self.labels is not None or self.problem is not None


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
    images: tuple[DatasetImage, ...]
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


@dataclass(frozen=True)
class DatasetLabels:
    """All labels of a dataset, read.

    Attributes:
        by_url: labels of each image by URL; images that nobody has labelled are left out.
        problems: why labels cannot be used, by the image's URL.
        count: how many have labels.
    """

    by_url: dict[str, ImageLabels]
    problems: dict[str, str]
    count: LabelCount

    @property
    def clipped(self) -> int:
        """Boxes that were clipped to their image."""
        return sum(labels.clipped for labels in self.by_url.values())

    @property
    def repeated(self) -> int:
        """Rows left out because they stand twice."""
        return sum(labels.repeated for labels in self.by_url.values())


def read_dataset_labels(dataset: Dataset) -> DatasetLabels:
    """Read the labels of all images; behind a URL, many at once."""
    with ThreadPoolExecutor(_READERS if is_url(dataset.root) else 1) as pool:
        results = list(pool.map(lambda image: _attempt(dataset, image), dataset.images))
    by_url: dict[str, ImageLabels] = {}
    problems: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for image, result in zip(dataset.images, results, strict=True):
        if isinstance(result, str):
            problems[image.file.url] = result
            counts["unread"] += 1
            continue
        if result is not None:
            by_url[image.file.url] = result
        counts["labelled" if image.has_labels else "without"] += 1
    return DatasetLabels(by_url, problems, LabelCount(**counts))


def _attempt(dataset: Dataset, image: DatasetImage) -> ImageLabels | str | None:
    try:
        return dataset.labels_of(image)
    except (LabelError, MediaError) as error:
        return str(error)


def source_of(file: Listed, root: str) -> SourceFile:
    """Return a listed image as a source of the dataset at a root."""
    return SourceFile(file.url, file.url.removeprefix(root + "/"), file.size, file.mtime_ns, SourceKind.IMAGE)


def loose_count(images: Iterable[str], unread: Iterable[str]) -> LabelCount:
    """Count images that belong to no dataset, of which some have labels that cannot be used."""
    total, bad = len(set(images)), len(set(unread))
    return LabelCount(0, total - bad, bad)
