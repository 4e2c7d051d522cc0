"""Labelled image sets: images in splits, and the labels of each, wherever they are written."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, overload

from raypp.errors import LabelError, MediaError
from raypp.io.filesystem import is_url
from raypp.media.annotations.boxes import ImageLabels
from raypp.media.annotations.content import read_document_text
from raypp.media.annotations.rows import RowFormat, parse_labels
from raypp.media.dataset_images import DatasetImage, DatasetImages
from raypp.media.label_reads import LabelRead, LabelReads
from raypp.media.listing import Listing, Run
from raypp.text.names import check_names

_READERS = 16
_NONE = -1

LabelOutcome: TypeAlias = ImageLabels | LabelRead | str | None
"""Labels of an image, why they cannot be used, or None where nobody has labelled it."""


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


class LabelMemory(Protocol):
    """Remembers what label files held, so that those which have not changed are not read again."""

    def recall(self, run: Run, reading: str) -> Sequence[LabelRead | None]:
        """Return what each file held when it was last read in this way; None where it is to be read."""
        ...

    def keep(self, run: Run, reading: str, reads: LabelReads, start: int, *, recalled: bool) -> None:
        """Remember what a run's files held, the first of which is the read at `start`.

        Those whose labels cannot be used are read again next time. `recalled` says that none was read anew.
        """
        ...


@dataclass(frozen=True)
class DatasetLabels:
    """All labels of a dataset, read.

    Attributes:
        images: the dataset's images.
        outcomes: for each, its labels, or why they cannot be used; None if nobody has labelled it.
        problems: why labels cannot be used, by the image's URL.
        count: how many have labels.
    """

    images: Sequence[DatasetImage]
    outcomes: Sequence[LabelOutcome]
    problems: dict[str, str]
    count: LabelCount

    def by_url(self) -> dict[str, ImageLabels]:
        """Make the labels of all images by URL; images that nobody has labelled are left out."""
        pairs = zip(self.images, self.outcomes, strict=True)
        return {
            image.file.url: outcome.labels if isinstance(outcome, LabelRead) else outcome
            for image, outcome in pairs
            if outcome is not None and not isinstance(outcome, str)
        }

    @property
    def clipped(self) -> int:
        """Boxes that were clipped to their image."""
        return sum(outcome.clipped for outcome in self._usable())

    @property
    def repeated(self) -> int:
        """Rows left out because they stand twice."""
        return sum(outcome.repeated for outcome in self._usable())

    def _usable(self) -> Iterator[ImageLabels | LabelRead]:
        return (outcome for outcome in self.outcomes if outcome is not None and not isinstance(outcome, str))


class _YoloOutcomes(Sequence[LabelOutcome]):
    """Labels of images in YOLO layout, as they are asked for.

    Args:
        images: the images.
        reads: what each of their label files held.
        missing: labels of an image without a label file.
    """

    def __init__(self, images: DatasetImages, reads: LabelReads, missing: ImageLabels | None) -> None:
        self._images, self._reads, self._missing = images, reads, missing
        self._files = array("q", images.label_files())

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, place: int) -> LabelOutcome: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[LabelOutcome]: ...

    def __getitem__(self, place: int | slice) -> LabelOutcome | Sequence[LabelOutcome]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        label = self._files[place]
        return self._reads[label] if label != _NONE else self._images.problem_at(place) or self._missing

    def is_labelled(self, place: int) -> bool:
        """Whether an image has a label file."""
        return self._files[place] != _NONE

    def problem_at(self, place: int) -> str | None:
        """Return why an image's labels cannot be used, or None; without making the labels."""
        label = self._files[place]
        return self._reads.reason(label) if label != _NONE else self._images.problem_at(place)


def read_dataset_labels(dataset: Dataset, memory: LabelMemory | None = None) -> DatasetLabels:
    """Read the labels of all images; behind a URL, many at once.

    Args:
        dataset: the images, and where their labels are.
        memory: remembers what label files held; None to read them all.
    """
    images = dataset.images
    by_url: dict[str, str] = {}
    counts: Counter[str] = Counter()
    outcomes = _outcomes(dataset, memory)
    for number in range(len(outcomes)):
        if isinstance(outcomes, _YoloOutcomes):
            problem, labelled = outcomes.problem_at(number), outcomes.is_labelled(number)
        else:
            problem, labelled = images[number].problem, images[number].has_labels
        if problem is not None:
            by_url[images[number].file.url] = problem
            counts["unread"] += 1
        else:
            counts["labelled" if labelled else "without"] += 1
    return DatasetLabels(images, outcomes, by_url, LabelCount(**counts))


def _outcomes(dataset: Dataset, memory: LabelMemory | None) -> Sequence[LabelOutcome]:
    images = dataset.images
    if not isinstance(images, DatasetImages):
        return [image.problem or image.labels for image in images]
    reads = _read_files(dataset, images.texts, memory, _used(images))
    return _YoloOutcomes(images, reads, ImageLabels() if dataset.missing_is_empty else None)


def _used(images: DatasetImages) -> bytearray:
    """Which of the texts are label files of an image."""
    used = bytearray(len(images.texts))
    for label in images.label_files():
        if label != _NONE:
            used[label] = 1
    return used


def _read_files(dataset: Dataset, texts: Listing, memory: LabelMemory | None, used: bytearray) -> LabelReads:
    """Read each label file that is used and not remembered."""
    reading = f"{len(dataset.classes)} classes, {dataset.rows}"
    reads = LabelReads()
    with ThreadPoolExecutor(_READERS) as pool:
        each = pool.map if is_url(dataset.root) else map
        for start, run in texts.starts():
            known = memory.recall(run, reading) if memory else [None] * len(run.sizes)
            left = [at for at, outcome in enumerate(known) if outcome is None and used[start + at]]
            names = run.names if left else []
            urls = (f"{run.folder}/{names[at]}{run.query}" for at in left)
            fresh = zip(left, each(lambda url: _attempt(dataset, url), urls), strict=True)
            following = next(fresh, None)
            for at, outcome in enumerate(known):
                if following is not None and following[0] == at:
                    reads.append(following[1])
                    following = next(fresh, None)
                else:
                    reads.append(outcome)
            if memory:
                memory.keep(run, reading, reads, start, recalled=None not in known)
    return reads


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
