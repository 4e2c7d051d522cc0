"""Labelled picture sets in YOLO layout: `data.yaml`, pictures in splits, one label file beside each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from raypp.errors import ContentError, LabelError, MediaError
from raypp.io.yaml import MOST_BYTES, read_yaml
from raypp.media.files import Listed, open_source
from raypp.media.source import IMAGE_SUFFIXES, SourceFile, SourceKind

TRAIN = "train"
SPLITS = (TRAIN, "val", "test")
UNLISTED = "unlisted"
_SYNONYMS = {"val": ("val", "valid", "validation")}
_TOLERANCE = 1e-3
DATA_YAML = "data.yaml"


@dataclass(frozen=True)
class Box:
    """A labelled box: class and centre, width, height, normalised to the picture."""

    class_id: int
    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True)
class DatasetImage:
    """One picture of a dataset.

    Attributes:
        file: the picture.
        split: train, val or test; for pictures that data.yaml leaves out, by their folder, else "unlisted".
        label_url: its label file; None where there is none, which in this layout means a picture of nothing.
    """

    file: SourceFile
    split: str
    label_url: str | None


@dataclass(frozen=True)
class Dataset:
    """A labelled picture set."""

    root: str
    name: str
    classes: tuple[str, ...]
    images: tuple[DatasetImage, ...]


def read_dataset(root: str, files: Sequence[Listed]) -> Dataset:
    """Read the dataset whose `data.yaml` lies in `root`.

    Args:
        root: folder or URL, without a slash at the end.
        files: every file below it.

    Raises:
        MediaError: if `data.yaml` is malformed or a split names a folder that is not there.
    """
    where = f"{root}/{DATA_YAML}"
    document = _document(where)
    listed = {file.url: file for file in files}
    classes = _classes(document.get("names"), where)
    images: list[DatasetImage] = []
    seen: set[str] = set()
    for split in SPLITS:
        for entry in _entries(document, split):
            members = _members(entry, document, root, listed)
            if members is None:
                raise MediaError(f"{where}: {split} names {entry}, which is not there; correct the path")
            for file in members:
                if file.url not in seen:
                    seen.add(file.url)
                    images.append(DatasetImage(_source(file, root), split, _label_of(file.url, listed)))
    for file in sorted(files):
        if _is_picture(file.url) and file.url not in seen:
            folders = PurePosixPath(file.url.removeprefix(root)).parts
            split = next((name for name in SPLITS if name in folders), UNLISTED)
            images.append(DatasetImage(_source(file, root), split, _label_of(file.url, listed)))
    if not images:
        raise MediaError(f"{where} leads to no pictures; check its train and val entries")
    return Dataset(root, PurePosixPath(root).name, classes, tuple(images))


def parse_labels(text: str, classes: Sequence[str], where: str) -> tuple[Box, ...]:
    """Read a YOLO label file: lines of class and box, or class and polygon (whose bounding box is taken).

    Overshoot of a thousandth of the picture is clipped; more is an error.

    Raises:
        LabelError: naming the file and line.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        place = f"{where}:{number}"
        try:
            class_id = int(words[0])
        except ValueError:
            raise LabelError(f"{place}: class {words[0]!r} is no whole number") from None
        if not 0 <= class_id < len(classes):
            raise LabelError(
                f"{place}: class index {class_id}, but there are {len(classes)} classes; correct the label"
            )
        boxes.append(checked_box(class_id, words[1:], place))
    return tuple(boxes)


def checked_box(class_id: int, words: Sequence[str], place: str) -> Box:
    """Make a box of 4 numbers (centre, width, height) or of a polygon's 6 or more; raises LabelError."""
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise LabelError(f"{place}: {' '.join(words)!r} holds something that is no number") from None
    if len(numbers) == 4:
        x, y, w, h = numbers
        left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        left, right = min(numbers[0::2]), max(numbers[0::2])
        top, bottom = min(numbers[1::2]), max(numbers[1::2])
    else:
        raise LabelError(f"{place}: {len(numbers)} numbers after the class; a box has 4, a polygon 6 or more")
    edges = (left, top, right, bottom)
    if not all(math.isfinite(edge) for edge in edges) or min(edges) < -_TOLERANCE or max(edges) > 1 + _TOLERANCE:
        shown = ", ".join(f"{edge:.4g}" for edge in edges)
        raise LabelError(f"{place}: the box ({shown}) lies outside the picture; correct the label")
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in edges)
    if right <= left or bottom <= top:
        raise LabelError(f"{place}: the box has no area; correct or remove the label")
    return Box(class_id, (left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def _document(where: str) -> dict[str, Any]:
    stream = open_source(where)
    try:
        document = read_yaml(stream.read(MOST_BYTES + 1))
    except ContentError as error:
        raise MediaError(f"{where} {error}; export the dataset again") from None
    finally:
        stream.close()
    if not isinstance(document, dict):
        raise MediaError(f"{where} must map train, val and names; export the dataset again")
    return document


def _classes(names: object, where: str) -> tuple[str, ...]:
    if isinstance(names, dict) and names and set(names) == set(range(len(names))):
        return tuple(str(names[index]) for index in range(len(names)))
    if isinstance(names, list) and names:
        return tuple(map(str, names))
    raise MediaError(f"{where}: names must list the classes, or number them from 0; got {repr(names)[:200]}")


def _entries(document: dict[str, Any], split: str) -> list[str]:
    for name in _SYNONYMS.get(split, (split,)):
        entry = document.get(name)
        if entry:
            return [str(one) for one in entry] if isinstance(entry, list) else [str(entry)]
    return []


def _members(entry: str, document: dict[str, Any], root: str, listed: dict[str, Listed]) -> list[Listed] | None:
    """Pictures of a split's entry: a folder or a text list; None if neither is there.

    Besides the entry as written, relative to `path` or to the folder of data.yaml, the entry without leading `../` is
    tried, since Roboflow exports write `../train/images` beside the folder `train`.
    """
    base = str(document.get("path") or "")
    candidates = [f"{base}/{entry}", entry, entry.removeprefix("./"), entry.replace("../", "")]
    if not entry.rstrip("/").endswith("images"):
        candidates.append(entry.rstrip("/").replace("../", "") + "/images")
    for candidate in candidates:
        place = _join(root, candidate)
        if place in listed and place.endswith(".txt"):
            return _of_list(place, root, listed)
        below = [file for url, file in listed.items() if url.startswith(place + "/") and _is_picture(url)]
        if below:
            return sorted(below)
    return None


def _of_list(place: str, root: str, listed: dict[str, Listed]) -> list[Listed]:
    stream = open_source(place)
    try:
        lines = stream.read(stream.size).decode("utf-8-sig").split("\n")
    except UnicodeDecodeError:
        raise MediaError(f"{place} is no list of pictures in UTF-8; export the dataset again") from None
    finally:
        stream.close()
    wanted = {line.strip(): _join(root, line.strip()) for line in lines if line.strip()}
    missing = [line for line, url in wanted.items() if url not in listed]
    if missing:
        raise MediaError(f"{place} names {missing[0]} ({len(missing)} such), which is not there; correct the list")
    return [listed[url] for url in wanted.values()]


def _join(root: str, relative: str) -> str:
    if relative.startswith("/"):
        return relative.rstrip("/")
    parts = [part for part in relative.split("/") if part not in ("", ".")]
    place = root
    for part in parts:
        place = place.rpartition("/")[0] if part == ".." else f"{place}/{part}"
    return place


def _is_picture(url: str) -> bool:
    return PurePosixPath(url).suffix.lower() in IMAGE_SUFFIXES


def _label_of(url: str, listed: dict[str, Listed]) -> str | None:
    before, found, after = url.rpartition("/images/")
    label = f"{before}/labels/{after}" if found else url
    label = label.rpartition(".")[0] + ".txt"
    return label if label in listed else None


def _source(file: Listed, root: str) -> SourceFile:
    return SourceFile(file.url, file.url.removeprefix(root + "/"), file.size, file.mtime_ns, SourceKind.IMAGE)
