"""Datasets in YOLO layout: which images are in which split, and which label file is whose."""

import fnmatch
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from raypp.errors import LabelError, MediaError
from raypp.media.annotations.content import read_document_text
from raypp.media.annotations.label_files import Pairing, pair
from raypp.media.annotations.locator import FilesByName, Locator, join_locator, split_of
from raypp.media.annotations.yolo_description import SPLITS, Description
from raypp.media.dataset import Dataset
from raypp.media.dataset_images import SPLIT_NAMES, UNLISTED, UNSPLIT, DatasetImages, ImagesInSplits
from raypp.media.listing import Listing
from raypp.media.source import IMAGE_SUFFIXES

_NOT_YET = 255


@dataclass(frozen=True)
class _Split:
    """Places of images in order, the split of each (a number of `SPLIT_NAMES`), lists that named them, what is odd."""

    order: "array[int]"
    numbers: bytearray
    lists: tuple[str, ...]
    notes: tuple[str, ...]


def read_yolo(description: Description, root: str, files: Listing) -> Dataset:
    """Read a dataset.

    Args:
        description: its classes and splits.
        root: its folder or URL, without a slash at the end.
        files: every file below it.

    Raises:
        MediaError: if a split names what is not there, or there are no images.
    """
    images = files.with_suffix(IMAGE_SUFFIXES)
    listed = _Entries(description, root, files, images).split()
    if not images:
        raise MediaError(f"{description.where} leads to no images; check its train and val entries")
    pairing = pair(root, images, files, listed.lists)
    return Dataset(
        root=root,
        name=PurePosixPath(root).name,
        classes=description.classes,
        images=DatasetImages(
            ImagesInSplits(root, images, listed.order, listed.numbers),
            pairing.texts,
            pairing.labels,
            {url: _problem(url, pairing, description.where) for url in (*pairing.shared, *pairing.astray)},
        ),
        rows=description.rows,
        missing_is_empty=True,
        notes=(*description.notes, *listed.notes, *_left_over(pairing)),
    )


def is_image(url: str) -> bool:
    """Whether a file is called like an image."""
    return PurePosixPath(url).suffix.lower() in IMAGE_SUFFIXES


def _problem(image: str, pairing: Pairing, where: str) -> str:
    if image in pairing.shared:
        label = pairing.shared[image]
        return f"{label} could be the labels of several images, {image} among them; give each image a file of its own"
    return (
        f"{pairing.astray[image]} lies where no labels of {image} are looked for ({where}); "
        "move it beside the image, or to labels/ in the place of images/"
    )


def _left_over(pairing: Pairing) -> tuple[str, ...]:
    if not pairing.left_over:
        return ()
    first, count = pairing.left_over[0], len(pairing.left_over)
    return (f"{count} label files belong to no image and are not used: {first}{' ...' if count > 1 else ''}",)


class _Entries:
    """Finds what the entries of a description name."""

    def __init__(self, description: Description, root: str, files: Listing, images: Listing) -> None:
        self._description = description
        self._folder = description.where.rpartition("/")[0]
        self._root = root
        self._files = files
        self._images = images

    @cached_property
    def _texts(self) -> set[str]:
        return {file.url for file in self._files.with_suffix([".txt"])}

    @cached_property
    def _locator(self) -> Locator:
        return Locator(self._root, FilesByName(self._images))

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {file.url: place for place, file in enumerate(self._images)}

    def split(self) -> _Split:
        numbers = bytearray([_NOT_YET]) * len(self._images)
        order = array("q")
        lists: list[str] = []
        notes = []
        for number, split in enumerate(SPLITS):
            again: dict[int, int] = {}
            for entry in self._description.entries.get(split, ()):
                members = self._members(entry, lists)
                if members is None and split == "test":
                    notes.append(f"{self._description.where}: test names {entry}, which is not there")
                    continue
                if members is None:
                    raise MediaError(
                        f"{self._description.where}: {split} names {entry}, which is not there; correct the path"
                    )
                for place in members:
                    first = numbers[place]
                    if first == _NOT_YET:
                        numbers[place] = number
                        order.append(place)
                    elif first != number:
                        again[first] = again.get(first, 0) + 1
            for first, count in again.items():
                notes.append(
                    f"{self._description.where}: {count} images are in {SPLITS[first]} and in {split}; they count as "
                    f"{SPLITS[first]} alone: split anew with `raypp split`, or give {split} images of its own"
                )
        self._add_others(order, numbers)
        return _Split(order, numbers, tuple(lists), tuple(notes))

    def _add_others(self, order: "array[int]", numbers: bytearray) -> None:
        """Add images that no entry names: in the split that their folder says."""
        other = UNLISTED if any(self._description.entries.values()) else UNSPLIT
        for start, run in self._images.starts():
            split = SPLIT_NAMES.index(split_of(run.folder.removeprefix(self._root)) or other)
            for place in range(start, start + len(run.sizes)):
                if numbers[place] == _NOT_YET:
                    numbers[place] = split
                    order.append(place)

    def _members(self, entry: str, lists: list[str]) -> Sequence[int] | None:
        """Places of the images of an entry, a folder, a list or a pattern; None if there is nothing of that name.

        Besides the entry as written, relative to the base or to the description's folder, the entry without leading
        `../` is tried, since Roboflow exports write `../train/images` beside the folder `train`, and the last parts of
        a path that was written on another machine.
        """
        for place in self._places(entry):
            if place.lower().endswith(".txt") and place in self._texts:
                lists.append(place)
                return self._of_list(place)
            if any(sign in place for sign in "*?["):
                chosen: Sequence[int] = [self._place_of[url] for url in sorted(fnmatch.filter(self._place_of, place))]
            else:
                chosen = self._images.places_below(place) or self._images.places_below_spelt_otherwise(place)
            if chosen:
                return chosen
        return None

    def _places(self, entry: str) -> list[str]:
        entry = entry.replace("\\", "/").rstrip("/")
        below = entry.replace("../", "").lstrip("/")
        base = join_locator(self._folder, self._description.base)
        places = [
            join_locator(base, entry),
            join_locator(self._folder, entry),
            join_locator(self._root, entry),
            join_locator(self._root, below),
        ]
        if not below.endswith(("images", ".txt")):
            places.append(join_locator(self._root, below + "/images"))
        parts = below.removeprefix("./").split("/")
        places += ["/".join((self._root, *parts[start:])) for start in range(1, len(parts))]
        return list(dict.fromkeys(places))

    def _of_list(self, place: str) -> list[int]:
        try:
            lines = [line.strip() for line in read_document_text(place).splitlines() if line.strip()]
        except LabelError:
            raise MediaError(f"{place} is no list of images in UTF-8; export the dataset again") from None
        if not lines:
            raise MediaError(f"{place} names no images; export the dataset again, or leave the list out")
        bases = (place.rpartition("/")[0], join_locator(self._folder, self._description.base), self._folder)
        by_line = {line: self._locator.find(line, *bases) for line in lines}
        missing = [line for line, file in by_line.items() if file is None]
        if missing:
            raise MediaError(
                f"{place} names {missing[0]} ({len(missing)} such), which is not there; correct the list, or export "
                "the dataset again with its images"
            )
        return [self._place_of[file.url] for file in by_line.values() if file is not None]
