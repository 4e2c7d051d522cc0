"""Images of a dataset in columns: what its listing holds, the split of each and its label file."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple, overload

from raypp.media.annotations.boxes import ImageLabels
from raypp.media.listing import Listed, Listing
from raypp.media.source import SourceFile, SourceKind

UNLISTED = "unlisted"
UNSPLIT = "unsplit"
SPLIT_NAMES = ("train", "val", "test", UNLISTED, UNSPLIT)
_NONE = -1


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


class ImageFolder(NamedTuple):
    """Images of one folder and split that follow one another in a dataset.

    Attributes:
        folder: path or URL, without a slash at the end.
        below: what stands before each name in its place below the dataset.
        split: their split.
        names, sizes, mtimes_ns: of each image.
    """

    folder: str
    below: str
    split: str
    names: list[str]
    sizes: list[int]
    mtimes_ns: list[int | None]


class ImagesInSplits(NamedTuple):
    """Images below a folder, and the split of each.

    Attributes:
        root: the folder or its URL, without a slash at the end.
        listing: the images.
        order: their places in it, in the dataset's order.
        numbers: for each place, the number of its split among `SPLIT_NAMES`.
    """

    root: str
    listing: Listing
    order: "array[int]"
    numbers: bytearray


class DatasetImages(Sequence[DatasetImage]):
    """Images in YOLO layout, made as they are asked for.

    Args:
        members: the images in their splits.
        texts: files that may hold labels.
        label_places: by each image's place in the listing, which of them holds its labels; -1 for none.
        problems: why labels cannot be used, by the image's URL.
    """

    def __init__(
        self, members: ImagesInSplits, texts: Listing, label_places: Sequence[int], problems: Mapping[str, str]
    ) -> None:
        self._members = members
        self._label_places = label_places
        self._problems = problems
        self.texts = texts

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._members.order)

    def __iter__(self) -> Iterator[DatasetImage]:
        """Make one after another."""
        return map(self._made, self._members.order)

    @overload
    def __getitem__(self, place: int) -> DatasetImage: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[DatasetImage]: ...

    def __getitem__(self, place: int | slice) -> DatasetImage | Sequence[DatasetImage]:
        """Make one, or some."""
        if isinstance(place, slice):
            return [self._made(number) for number in self._members.order[place]]
        return self._made(self._members.order[place])

    @property
    def labelled(self) -> bool:
        """Whether any has labels, to be used or not."""
        return bool(self._problems) or any(label != _NONE for label in self._label_places)

    def label_files(self) -> Iterator[int]:
        """Yield for each image which of the texts holds its labels; -1 for none."""
        return (self._label_places[place] for place in self._members.order)

    def problem_at(self, number: int) -> str | None:
        """Return why the labels of an image cannot be used, or None."""
        if not self._problems:
            return None
        return self._problems.get(self._members.listing[self._members.order[number]].url)

    def folders(self) -> Iterator[ImageFolder]:
        """Yield the images by folder and split, in order."""
        root, listing, order, numbers = self._members
        start = 0
        while start < len(order):
            number, within = listing.locate(order[start])
            run, first = listing.runs[number], order[start] - within
            places = range(first, first + len(run.sizes))
            split = numbers[order[start]]
            end = start + 1
            while end < len(order) and order[end] in places and numbers[order[end]] == split:
                end += 1
            chosen = [place - first for place in order[start:end]]
            names = run.names
            below = (run.folder + "/").removeprefix(root + "/")
            columns = (
                [names[at] for at in chosen],
                [run.sizes[at] for at in chosen],
                [run.mtime_ns(at) for at in chosen],
            )
            yield ImageFolder(run.folder, below, SPLIT_NAMES[split], *columns)
            start = end

    def _made(self, place: int) -> DatasetImage:
        root, listing, _, numbers = self._members
        file = source_of(listing[place], root)
        label = self._label_places[place]
        label_url = None if label == _NONE else self.texts[label].url
        return DatasetImage(file, SPLIT_NAMES[numbers[place]], label_url, problem=self._problems.get(file.url))


def folders_of(images: Sequence[DatasetImage]) -> Iterator[ImageFolder]:
    """Yield images by folder and split, in order."""
    if isinstance(images, DatasetImages):
        yield from images.folders()
        return
    for (folder, below, split), group in groupby(images, _folder):
        files = [image.file for image in group]
        names = [file.url.rpartition("/")[2] for file in files]
        yield ImageFolder(folder, below, split, names, [file.size for file in files], [file.mtime_ns for file in files])


def _folder(image: DatasetImage) -> tuple[str, str, str]:
    relative = image.file.relative
    return image.file.url.rpartition("/")[0], relative[: relative.rfind("/") + 1], image.split


def source_of(file: Listed, root: str) -> SourceFile:
    """Return a listed image as a source of the dataset at a root."""
    return SourceFile(file.url, file.url.removeprefix(root + "/"), file.size, file.mtime_ns, SourceKind.IMAGE)
