"""Description of a dataset in YOLO layout: a YAML, Darknet's `obj.data`, or a bare list of classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from raypp.errors import ContentError, LabelError, MediaError
from raypp.io.yaml import MOST_BYTES, read_yaml
from raypp.media.annotations.content import read_document_text, read_head
from raypp.media.annotations.locator import Locator
from raypp.media.annotations.rows import LabelTask, RowFormat
from raypp.media.listing import Listed

SPLITS = ("train", "val", "test")
DATA_YAMLS = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""Names of a dataset's YAML, the likeliest first."""
_SYNONYMS = {"val": ("val", "valid", "validation")}
_NOTHING = ("", "~", "null", "Null", "NULL", "None")


@dataclass(frozen=True)
class Description:
    """A dataset's description.

    Attributes:
        where: the file it stands in.
        classes: names of the classes, by class id.
        rows: how rows of label files are read.
        base: folder that entries are relative to, relative to that of `where`; may be empty.
        entries: folders, lists or patterns of images, by split.
        notes: what is odd about it, for people.
    """

    where: str
    classes: tuple[str, ...]
    rows: RowFormat = field(default_factory=RowFormat)
    base: str = ""
    entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def from_yaml(where: str) -> Description | None:
    """Read a YAML; None for one that describes no dataset and is not called as if it did.

    Raises:
        MediaError: if it is malformed, or has no usable classes.
    """
    expected = PurePosixPath(where).name.lower() in DATA_YAMLS
    try:
        content = read_head(where, MOST_BYTES + 1)
        document = read_yaml(content, as_written=True)
    except ContentError as error:
        if expected or (b"names:" in content and b"train:" in content):
            raise MediaError(f"{where} {error}; export the dataset again") from None
        return None
    described = (
        isinstance(document, dict) and "names" in document and any(_entries(document, split) for split in SPLITS)
    )
    if not described and not expected:
        return None
    if not isinstance(document, dict):
        raise MediaError(f"{where} must map train, val and names; export the dataset again")
    classes = _classes(document.get("names"), where)
    _check_count(document.get("nc"), classes, where)
    base = document.get("path")
    return Description(
        where,
        classes,
        _rows(document, where),
        base if isinstance(base, str) and base not in _NOTHING else "",
        {split: tuple(_entries(document, split)) for split in SPLITS},
    )


def from_darknet(where: str, locator: Locator) -> Description | None:
    """Read Darknet's `obj.data`, as CVAT's YOLO 1.1 writes it; None for a file of another kind.

    Raises:
        MediaError: if the list of names that it points to is not there, or holds none.
    """
    pairs = [line.partition("=") for line in read_document_text(where).splitlines() if "=" in line]
    document = {key.strip(): value.strip() for key, _, value in pairs}
    if "names" not in document:
        return None
    folder = where.rpartition("/")[0]
    names = locator.find(document["names"], folder)
    if names is None:
        raise MediaError(f"{where} takes its classes from {document['names']}, which is not there; export it again")
    classes = _lines(names.url)
    _check_count(document.get("classes"), classes, where)
    return Description(where, classes, entries={split: tuple(_entries(document, split)) for split in SPLITS})


def from_list(where: str) -> Description:
    """Read a list of classes, one a line; raises MediaError if it holds none."""
    return Description(where, _lines(where))


def _lines(where: str) -> tuple[str, ...]:
    try:
        names = [line.strip() for line in read_document_text(where).splitlines()]
    except LabelError as error:
        raise MediaError(str(error)) from None
    while names and not names[-1]:
        names.pop()
    return _checked(names, where)


def _classes(names: object, where: str) -> tuple[str, ...]:
    if isinstance(names, dict) and names:
        numbered = {str(key).strip(): value for key, value in names.items()}
        if set(numbered) == {str(index) for index in range(len(numbered))}:
            return _checked([numbered[str(index)] for index in range(len(numbered))], where)
    if isinstance(names, list) and names:
        return _checked(names, where)
    raise MediaError(
        f"{where}: names must list the classes, or number them from 0; got {repr(names)[:120]}, and must be corrected"
    )


def _checked(names: Sequence[Any], where: str) -> tuple[str, ...]:
    numbers: dict[str, int] = {}
    for number, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise MediaError(f"{where}: class {number} has no name; give it one")
        first = numbers.setdefault(name.strip(), number)
        if first != number:
            raise MediaError(f"{where}: classes {first} and {number} are both named {name.strip()}; rename one")
    if not numbers:
        raise MediaError(f"{where}: names must list the classes; it names none")
    return tuple(numbers)


def _check_count(count: Any, classes: Sequence[str], where: str) -> None:
    if isinstance(count, str) and count.strip().isdigit() and int(count) != len(classes):
        raise MediaError(f"{where} says that there are {int(count)} classes, and names {len(classes)}; correct one")


def _rows(document: Mapping[str, Any], where: str) -> RowFormat:
    shape = document.get("kpt_shape")
    if shape is not None and shape not in _NOTHING:
        try:
            points, each = (int(word) for word in shape)
        except (TypeError, ValueError):
            points, each = 0, 0
        if points < 1 or each not in (2, 3):
            raise MediaError(f"{where}: kpt_shape {shape!r} must be [points, 2] or [points, 3]; correct it")
        return RowFormat(LabelTask.POSE, points * each)
    task = document.get("task")
    if isinstance(task, str) and task in set(LabelTask):
        if LabelTask(task) is LabelTask.POSE:
            raise MediaError(f"{where} has task: pose without kpt_shape; add it, such as kpt_shape: [17, 3]")
        return RowFormat(LabelTask(task))
    return RowFormat()


def _entries(document: Mapping[str, Any], split: str) -> list[str]:
    for name in _SYNONYMS.get(split, (split,)):
        entry = document.get(name)
        entries = entry if isinstance(entry, list) else [entry]
        named = [
            listed_entry.strip()
            for listed_entry in entries
            if isinstance(listed_entry, str) and listed_entry.strip() not in _NOTHING
        ]
        if named:
            return named
    return []


def likeliest(listed: Sequence[Listed]) -> list[Listed]:
    """Files that may describe datasets, the likeliest first."""
    order = {name: number for number, name in enumerate(DATA_YAMLS)}
    return sorted(listed, key=lambda file: (order.get(PurePosixPath(file.url).name.lower(), len(order)), file.url))
