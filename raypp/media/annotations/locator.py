"""Finding files by the names that documents give them, which are often those of another machine."""

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from raypp.io.filesystem import is_url, plain_name
from raypp.media.listing import Listed

SPLIT_WORDS = {
    "train": "train", "training": "train", "train2017": "train",
    "val": "val", "valid": "val", "validation": "val", "val2017": "val", "eval": "val",
    "test": "test", "testing": "test", "test2017": "test",
}  # fmt: skip
"""Names of folders and files that name a split, in lower case, and the split."""
_UPLOAD_PREFIX = 9  # Label Studio puts 8 hex digits and a dash before the name of an uploaded file


class FilesByName:
    """Listed files by their place, and by the last part of it.

    Args:
        files: those that can be found.
    """

    def __init__(self, files: Iterable[Listed]) -> None:
        self.by_place = {_plain(file.url): file for file in files}
        self.by_name: dict[str, list[Listed]] = {}
        for place, file in self.by_place.items():
            self.by_name.setdefault(place.rpartition("/")[2], []).append(file)


class Locator:
    """Finds listed files by the names of documents.

    Args:
        root: folder or URL that names may be relative to.
        files: those that can be found.
    """

    def __init__(self, root: str, files: FilesByName) -> None:
        self._root = root
        self._files = files.by_place
        self._by_name = files.by_name

    def find(self, name: str, *bases: str) -> Listed | None:
        """Find a file by the name that a document gives it.

        Tried are, in this order: the name as it is; below each base; its last parts below the root, as many as can be;
        its last part alone, where one file only is called so and no folder says that it is of another split.

        Args:
            name: a path, perhaps absolute, of Windows, percent-encoded, or without the suffix.
            bases: folders that it may be relative to.
        """
        for spelt in dict.fromkeys((name, unquote(name))):
            file = self._find(spelt.strip().replace("\\", "/"), bases)
            if file is not None:
                return file
        return None

    def _find(self, name: str, bases: Sequence[str]) -> Listed | None:
        if name in self._files:
            return self._files[name]
        for base in (*bases, self._root):
            place = join_locator(base, name) if not name.startswith("/") else name
            if place in self._files:
                return self._files[place]
        parts = [part for part in name.split("/") if part not in ("", ".", "..")]
        for start in range(len(parts) - 1):
            place = "/".join((self._root, *parts[start:]))
            if place in self._files:
                return self._files[place]
        return self._by_last_part(parts)

    def _by_last_part(self, parts: Sequence[str]) -> Listed | None:
        if not parts:
            return None
        named = self._by_name.get(parts[-1])
        if named is None and _is_upload(parts[-1]):
            named = self._by_name.get(parts[-1][_UPLOAD_PREFIX:])
        if named is None or len(named) != 1:
            return None
        wanted = split_of("/".join(parts[:-1]))
        there = split_of(named[0].url.removeprefix(self._root).rpartition("/")[0])
        return named[0] if wanted is None or there is None or wanted == there else None


def _plain(url: str) -> str:
    """A path as it is; a URL without its escapes, as documents name files."""
    return plain_name(url) if is_url(url) else url


def _is_upload(name: str) -> bool:
    head = name[:_UPLOAD_PREFIX]
    return len(name) > _UPLOAD_PREFIX and head[-1] == "-" and all(letter in "0123456789abcdef" for letter in head[:-1])


def split_of(path: str) -> str | None:
    """Return the split that a folder of a path names, the last that does; None if none does."""
    return next((SPLIT_WORDS[part] for part in reversed(path.lower().split("/")) if part in SPLIT_WORDS), None)


def join_locator(base: str, relative: str) -> str:
    """Join a relative path to a folder or URL, going up for each `..`; an absolute one stays as it is."""
    if relative.startswith("/"):
        return relative.rstrip("/")
    place = base
    for part in relative.split("/"):
        if part == "..":
            place = place.rpartition("/")[0]
        elif part not in ("", "."):
            place = f"{place}/{part}"
    return place
