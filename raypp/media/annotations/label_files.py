"""Which label file belongs to which image: the layouts that people really have, and what is left over."""

from array import array
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from raypp.media.annotations.content import read_head
from raypp.media.annotations.locator import SPLIT_WORDS
from raypp.media.annotations.rows import is_label_row
from raypp.media.listing import Listed, Listing, Run

_LIST_NAMES = frozenset(
    "classes.txt notes.txt readme.txt readme.dataset.txt readme.roboflow.txt license.txt requirements.txt".split()  # noqa: SIM905
)
_MOST_LOOKED_INTO = 1000
_SUFFIXES = (".txt", ".TXT")
_NONE = -1


@dataclass(frozen=True)
class Pairing:
    """Label files and images brought together.

    Attributes:
        texts: files that may hold labels.
        labels: which of them is each image's, by the image's place; -1 for none.
        astray: label files where none is looked for, by the image that is called like them.
        left_over: other label files that no image has.
        shared: label files that several images would have; by image.
    """

    texts: Listing
    labels: "array[int]"
    astray: dict[str, str] = field(default_factory=dict)
    left_over: tuple[str, ...] = ()
    shared: dict[str, str] = field(default_factory=dict)


def pair(root: str, images: Listing, files: Listing, lists: Container[str] = ()) -> Pairing:
    """Find the label file of each image.

    Looked at are, in this order: the folder `labels` in the place of `images` (in any case); the file beside the image;
    either with another word for the same split (`val`, `valid`, `validation`); then `labels` without a folder for the
    split, within or beside the image's folder, where no other image has the same name.

    Args:
        root: the dataset's folder.
        images: its images.
        files: all files below it.
        lists: text files that are no label files.
    """
    texts = _Texts(files, lists)
    labels = array("q", [_NONE]) * len(images)
    claims: dict[int, list[int]] = {}
    for start, run in images.starts():
        example = f"{run.folder}/x.jpg"
        certain, likely = (texts.folders(places) for places in (_certain(example, root), _likely(example, root)))
        for place, name in enumerate(run.names, start):
            label = _first(certain, name)
            if label != _NONE:
                labels[place] = label
            elif (label := _first(likely, name)) != _NONE:
                claims.setdefault(label, []).append(place)
    used = bytearray(len(texts.files))
    for label in labels:
        if label != _NONE:
            used[label] = True
    free = [label for label in claims if not used[label]]
    shared: dict[str, str] = {}
    for label in free:
        used[label] = True
        if len(claims[label]) == 1:
            labels[claims[label][0]] = label
        else:
            shared |= {images[place].url: texts.files[label].url for place in claims[label]}
    rest = texts.others(used)
    return Pairing(texts.files, labels, *_strays(root, images, labels, shared, rest), shared)


def has_labels(image: str, root: str, texts: dict[str, str]) -> str | None:
    """Return the label file that certainly is an image's, or None; texts are URLs by URL in lower case."""
    return next((texts[name.lower()] for name in _certain(image, root) if name.lower() in texts), None)


def _label_files(run: Run) -> list[Run]:
    """The files of a run that may hold labels."""
    if run.common_suffix in _SUFFIXES and not run.mentions(_LIST_NAMES):
        return [run]
    return Listing([run]).named(lambda name: name.endswith(_SUFFIXES) and name.lower() not in _LIST_NAMES).runs


class _Texts:
    """Files that may hold labels, by folder."""

    def __init__(self, files: Listing, lists: Container[str]) -> None:
        self.files = Listing(run for part in files.with_suffix([".txt"]).runs for run in _label_files(part))
        self._lists = lists
        self._runs: dict[str, list[tuple[int, Run]]] = {}
        for start, run in self.files.starts():
            self._runs.setdefault(run.folder.lower(), []).append((start, run))

    def folders(self, examples: Iterable[str]) -> "list[tuple[dict[str, int], dict[str, int]]]":
        """Places of the label files of some folders by name, and by name in lower case; folders by a file in each."""
        folders = dict.fromkeys(example.rpartition("/")[0] for example in examples)
        return [self._names(folder) for folder in folders if folder.lower() in self._runs]

    def others(self, used: Sequence[int]) -> list[Listed]:
        """Return the files that are not used, in order."""
        if all(used):
            return []
        return [file for place, file in enumerate(self.files) if not used[place] and file.url not in self._lists]

    def _names(self, folder: str) -> tuple[dict[str, int], dict[str, int]]:
        exact: dict[str, int] = {}
        folded: dict[str, int] = {}
        for start, run in self._runs[folder.lower()]:
            for place, name in enumerate(run.names, start):
                if f"{run.folder}/{name}" in self._lists:
                    continue
                folded.setdefault(name.lower(), place)
                if run.folder == folder:
                    exact[name] = place
        return exact, folded


def _first(folders: Iterable[tuple[dict[str, int], dict[str, int]]], image: str) -> int:
    """The first label file of an image's name, as it is or in another case."""
    name = _text_of(image)
    for exact, folded in folders:
        label = exact.get(name)
        if label is None:
            label = folded.get(name.lower())
        if label is not None:
            return label
    return _NONE


def _certain(image: str, root: str) -> Iterator[str]:
    for place in (_mirrored(image, root), image):
        if place is not None:
            yield _text_of(place)
    for place in (_mirrored(image, root), image):
        if place is not None:
            yield from map(_text_of, _other_words(place, root))


def _likely(image: str, root: str) -> Iterator[str]:
    name = PurePosixPath(_text_of(image)).name
    mirrored = _mirrored(image, root)
    if mirrored is not None:
        before = root + mirrored.removeprefix(root).lower().rpartition("/labels/")[0]
        yield mirrored[: len(before)] + f"/labels/{name}"
    folder = image.rpartition("/")[0]
    yield f"{folder}/labels/{name}"
    if folder != root:
        yield f"{folder.rpartition('/')[0]}/labels/{name}"
        yield f"{root}/labels/{_text_of(image.removeprefix(root + '/'))}"


def _mirrored(image: str, root: str) -> str | None:
    """The image's path with the last folder `images` below the root called `labels`, or None."""
    parts = image.removeprefix(root).split("/")
    for number in range(len(parts) - 2, 0, -1):
        if parts[number].lower() == "images":
            return root + "/".join([*parts[:number], "labels", *parts[number + 1 :]])
    before, separator, after = image.rpartition("/images/")
    return f"{before}/labels/{after}" if separator else None


def _other_words(place: str, root: str) -> Iterator[str]:
    parts = place.removeprefix(root).split("/")
    for number, part in enumerate(parts[:-1]):
        split = SPLIT_WORDS.get(part.lower())
        for word, meant in SPLIT_WORDS.items():
            if split == meant and word != part.lower():
                yield root + "/".join([*parts[:number], word, *parts[number + 1 :]])


def _text_of(image: str) -> str:
    return image.rpartition(".")[0] + ".txt"


def _strays(
    root: str, images: Listing, labels: Sequence[int], shared: Container[str], rest: Sequence[Listed]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Label files that no image has: those called like an image without labels, and the others."""
    unlabelled: dict[str, list[str]] = {}
    for label, image in zip(labels, images if rest else (), strict=False):
        if label == _NONE and image.url not in shared:
            unlabelled.setdefault(PurePosixPath(image.url).stem, []).append(image.url)
    astray: dict[str, str] = {}
    left_over = []
    for number, file in enumerate(rest):
        if number < _MOST_LOOKED_INTO and not _looks_like_labels(file, root):
            continue
        called = unlabelled.get(PurePosixPath(file.url).stem, [])
        if called:
            astray |= dict.fromkeys(called, file.url)
        else:
            left_over.append(file.url)
    return astray, tuple(left_over)


def _looks_like_labels(file: Listed, root: str) -> bool:
    """Whether a file's first line is a row of labels; an empty file is one where it lies in a folder of labels."""
    if not file.size:
        return any(part.lower() == "labels" for part in file.url.removeprefix(root).split("/")[:-1])
    lines = read_head(file.url).decode("utf-8-sig", errors="replace").splitlines()
    return is_label_row(next((line for line in lines if line.strip()), ""))
