"""Which label file belongs to which image: the layouts that people really have, and what is left over."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from raypp.media.annotations.content import read_head
from raypp.media.annotations.locator import SPLIT_WORDS
from raypp.media.annotations.rows import is_label_row
from raypp.media.listing import Listed

_LIST_NAMES = frozenset(
    "classes.txt notes.txt readme.txt readme.dataset.txt readme.roboflow.txt license.txt requirements.txt".split()  # noqa: SIM905
)
_MOST_LOOKED_INTO = 1000


@dataclass(frozen=True)
class Pairing:
    """Label files and images brought together.

    Attributes:
        labels: label file of each image that has one, by URL.
        astray: label files where none is looked for, by the image that is called like them.
        left_over: other label files that no image has.
        shared: label files that several images would have; by image.
    """

    labels: dict[str, str] = field(default_factory=dict)
    astray: dict[str, str] = field(default_factory=dict)
    left_over: tuple[str, ...] = ()
    shared: dict[str, str] = field(default_factory=dict)


def pair(root: str, images: Sequence[str], files: Iterable[Listed], lists: Iterable[str] = ()) -> Pairing:
    """Find the label file of each image.

    Looked at are, in this order: the folder `labels` in the place of `images` (in any case); the file beside the image;
    either with another word for the same split (`val`, `valid`, `validation`); then `labels` without a folder for the
    split, within or beside the image's folder, where no other image has the same name.

    Args:
        root: the dataset's folder.
        images: URLs of its images.
        files: all files below it.
        lists: text files that are no label files.
    """
    texts = {file.url: file for file in files if _may_be_labels(file.url)}
    for entry in lists:
        texts.pop(entry, None)
    folded: dict[str, str] = {}
    for url in sorted(texts, reverse=True):
        folded[url.lower()] = url
    labels: dict[str, str] = {}
    claims: dict[str, list[str]] = {}
    for image in images:
        candidates = _first(_certain(image, root), texts, folded)
        if candidates:
            labels[image] = candidates
            continue
        candidates = _first(_likely(image, root), texts, folded)
        if candidates:
            claims.setdefault(candidates, []).append(image)
    taken = set(labels.values())
    shared: dict[str, str] = {}
    for label, claimants in claims.items():
        if len(claimants) == 1 and label not in taken:
            labels[claimants[0]] = label
        elif label not in taken:
            shared |= dict.fromkeys(claimants, label)
    used = {*labels.values(), *shared.values()}
    rest = [file for url, file in sorted(texts.items()) if url not in used]
    return Pairing(labels, *_strays(root, images, labels.keys() | shared.keys(), rest), shared)


def has_labels(image: str, root: str, texts: dict[str, str]) -> str | None:
    """Return the label file that certainly is an image's, or None; texts are URLs by URL in lower case."""
    return next((texts[name.lower()] for name in _certain(image, root) if name.lower() in texts), None)


def _may_be_labels(url: str) -> bool:
    return url.endswith((".txt", ".TXT")) and PurePosixPath(url).name.lower() not in _LIST_NAMES


def _first(candidates: Iterable[str], texts: dict[str, Listed], folded: dict[str, str]) -> str | None:
    for name in candidates:
        if name in texts:
            return name
        if name.lower() in folded:
            return folded[name.lower()]
    return None


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
    root: str, images: Sequence[str], labelled: Iterable[str], rest: Sequence[Listed]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Label files that no image has: those called like an image without labels, and the others."""
    done = set(labelled)
    unlabelled: dict[str, list[str]] = {}
    for image in images:
        if image not in done:
            unlabelled.setdefault(PurePosixPath(image).stem, []).append(image)
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
