"""Listings of files in columns, by folder: ten million files take some hundred megabytes."""

import os
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple, overload

from raypp.io.filesystem import url_path
from raypp.media.source import suffix_of

_UNKNOWN_NS = -(1 << 63)


class Listed(NamedTuple):
    """One listed file: its URL, size in bytes, and time of change in nanoseconds where known."""

    url: str
    size: int
    mtime_ns: int | None


class Run(NamedTuple):
    """Files of one folder that stand side by side in the order of URLs.

    Attributes:
        folder: path or URL, without a slash at the end.
        text: their names, with a slash between.
        sizes: bytes of each.
        mtimes_ns: time of change of each.
        query: what stands behind each name in its URL.
    """

    folder: str
    text: str
    sizes: "array[int]"
    mtimes_ns: "array[int]"
    query: str = ""

    @classmethod
    def of(cls, folder: str, files: Sequence[tuple[str, int, int | None]], query: str = "") -> "Run":
        """Make a run of names, sizes and times of change."""
        return cls(
            folder,
            "/".join([name for name, _, _ in files]),
            array("q", [size for _, size, _ in files]),
            array("q", [_UNKNOWN_NS if mtime_ns is None else mtime_ns for _, _, mtime_ns in files]),
            query,
        )

    @property
    def names(self) -> list[str]:
        """Names of the files within their folder."""
        return self.text.split("/")

    @property
    def common_suffix(self) -> str | None:
        """The suffix that all files have, with its dot and in its case; None if they have different ones or none."""
        dot = self.text.rfind(".")
        suffix = self.text[dot:] if dot > self.text.rfind("/") + 1 else ""
        alike = len(suffix) > 1 and self.text.count(suffix + "/") == len(self.sizes) - 1
        return suffix if alike else None

    def mentions(self, names: Iterable[str]) -> bool:
        """Whether any of some names in lower case can be a file's; that none is, is certain."""
        lowered = self.text.lower()
        return any(name in lowered for name in names)

    def mtime_ns(self, place: int) -> int | None:
        """Return the time of change of the file at a place, or None if it is not known."""
        mtime_ns = self.mtimes_ns[place]
        return None if mtime_ns == _UNKNOWN_NS else mtime_ns

    def files(self) -> Iterator[Listed]:
        """Yield the files."""
        for place, name in enumerate(self.names):
            yield Listed(f"{self.folder}/{name}{self.query}", self.sizes[place], self.mtime_ns(place))

    def at(self, places: Sequence[int]) -> "Run":
        """Return the files at some places alone."""
        names = self.names
        sizes, mtimes_ns = (array("q", [column[place] for place in places]) for column in (self.sizes, self.mtimes_ns))
        return Run(self.folder, "/".join([names[place] for place in places]), sizes, mtimes_ns, self.query)


class Listing(Sequence[Listed]):
    """Files in the order of their URLs, in which those below a folder stand together.

    Args:
        runs: in that order.
    """

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self.runs = list(runs)
        self._ends = list(accumulate(len(run.sizes) for run in self.runs))
        self._split: tuple[int, list[str]] = (-1, [])

    @classmethod
    def of(cls, files: Iterable[Listed]) -> "Listing":
        """Make a listing of files in any order."""
        parts = sorted((url_path(file.url), file) for file in files)
        runs = groupby(parts, key=lambda part: (part[0].rpartition("/")[0], part[1].url[len(part[0]) :]))
        return cls(
            Run.of(folder, [(path.rpartition("/")[2], file.size, file.mtime_ns) for path, file in members], query)
            for (folder, query), members in runs
        )

    def __len__(self) -> int:
        """Return the number of files."""
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Listed]:
        """Yield the files in order."""
        for run in self.runs:
            yield from run.files()

    @overload
    def __getitem__(self, place: int) -> Listed: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Listed]: ...

    def __getitem__(self, place: int | slice) -> Listed | Sequence[Listed]:
        """Return one file, or some."""
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        number, within = self.locate(range(len(self))[place])
        run = self.runs[number]
        if self._split[0] != number:
            self._split = (number, run.names)
        return Listed(f"{run.folder}/{self._split[1][within]}{run.query}", run.sizes[within], run.mtime_ns(within))

    def locate(self, place: int) -> tuple[int, int]:
        """Return which run a file is of, and its place there."""
        number = bisect_right(self._ends, place)
        return number, place - (self._ends[number - 1] if number else 0)

    def starts(self) -> Iterator[tuple[int, Run]]:
        """Yield each run with the place of its first file."""
        return zip([0, *self._ends[:-1]], self.runs, strict=False)

    def places_below(self, folder: str) -> range:
        """Return the places of the files below a folder."""
        start, end = self._span(folder)
        return range(self._ends[start - 1] if start else 0, self._ends[end - 1] if end > start else 0)

    def below(self, folder: str) -> "Listing":
        """Return the files below a folder."""
        start, end = self._span(folder)
        return Listing(self.runs[start:end])

    def holds(self, folder: str) -> bool:
        """Whether any file lies below a folder."""
        start, end = self._span(folder)
        return start < end

    def places_below_spelt_otherwise(self, folder: str) -> list[int]:
        """Return the places of the files below a folder of that name in upper or lower case."""
        folders, numbers = self._lowered
        start, end = _between(folders, folder.lower())
        runs = ((self._ends[number - 1] if number else 0, self._ends[number]) for number in sorted(numbers[start:end]))
        return [place for first, last in runs for place in range(first, last)]

    def without(self, folders: Sequence[str]) -> "Listing":
        """Return the files that lie below none of some folders."""
        spans = sorted(self._span(folder) for folder in folders)
        left: list[Run] = []
        done = 0
        for start, end in spans:
            left += self.runs[done:start]
            done = max(done, end)
        return Listing(left + self.runs[done:])

    def named(self, wanted: Callable[[str], bool]) -> "Listing":
        """Return the files whose name is wanted."""
        chosen = []
        for run in self.runs:
            places = [place for place, name in enumerate(run.names) if wanted(name)]
            if len(places) == len(run.sizes):
                chosen.append(run)
            elif places:
                chosen.append(run.at(places))
        return Listing(chosen)

    def with_suffix(self, suffixes: Container[str]) -> "Listing":
        """Return the files whose suffix, in lower case, is among some."""
        chosen: list[Run] = []
        for run in self.runs:
            suffix = run.common_suffix
            if suffix is None:
                chosen += Listing([run]).named(lambda name: suffix_of(name) in suffixes).runs
            elif suffix.lower() in suffixes:
                chosen.append(run)
        return Listing(chosen)

    def called(self, names: Iterable[str]) -> "Listing":
        """Return the files whose name, in lower case, is among some."""
        wanted = frozenset(names)
        possible = (run for run in self.runs if run.mentions(wanted))
        return Listing(possible).named(lambda name: name.lower() in wanted)

    def _span(self, folder: str) -> tuple[int, int]:
        return _between(self._firsts, folder)

    @cached_property
    def _firsts(self) -> list[str]:
        return [f"{run.folder}/{run.text.partition('/')[0]}" for run in self.runs]

    @cached_property
    def _lowered(self) -> tuple[list[str], list[int]]:
        """Folders of the runs in lower case, sorted, and which run each is of."""
        order = sorted((f"{run.folder.lower()}/", number) for number, run in enumerate(self.runs))
        return [folder for folder, _ in order], [number for _, number in order]


def _between(places: Sequence[str], folder: str) -> tuple[int, int]:
    """The stretch of sorted places that lie below a folder."""
    return bisect_left(places, folder + "/"), bisect_left(places, folder + chr(ord("/") + 1))


def walk(root: str, unusable: Callable[[str, str], None]) -> Listing:
    """List the files below a local folder, whose links are followed; hidden ones are passed by.

    Args:
        root: an absolute path.
        unusable: is told the path of what cannot be listed, and the reason with its remedy.
    """
    return Listing(_walk(root.rstrip("/"), unusable, set()))


def _walk(folder: str, unusable: Callable[[str, str], None], seen: set[tuple[int, int]]) -> list[Run]:
    files: list[tuple[str, int, int | None]] = []
    inner: list[str] = []
    faults: list[tuple[str, str]] = []
    is_text = _is_text(folder)
    try:
        with os.scandir(folder or "/") as children:
            for entry in children:  # and none is kept: each knows its whole path
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    inner.append(entry.name)
                    continue
                status = _status(entry, lambda *fault: faults.append(fault), is_text=is_text and _is_text(entry.name))
                if status is not None:
                    files.append((entry.name, status.st_size, status.st_mtime_ns))
    except OSError as error:
        unusable(folder, f"{error.strerror}; grant access, or leave it out")
        return []
    info = os.stat(folder or "/")  # noqa: PTH116 - a Path for each folder is slow
    if (info.st_dev, info.st_ino) in seen:
        return []  # a link led back to a folder already searched
    seen.add((info.st_dev, info.st_ino))
    for path, reason in sorted(faults):
        unusable(path, reason)
    files.sort()
    inner.sort()  # a folder that two links lead to counts at the first
    below = {f"{name}/": _walk(f"{folder}/{name}", unusable, seen) for name in inner}
    names = [name for name, _, _ in files]
    runs: list[Run] = []
    done = 0
    for place in sorted(below):  # as URLs are sorted: files before a folder, what is in it, files behind it
        end = bisect_left(names, place)
        runs += [Run.of(folder, files[done:end])] if end > done else []
        runs += below[place]
        done = end
    return runs + ([Run.of(folder, files[done:])] if done < len(files) else [])


def list_one(path: Path, unusable: Callable[[str, str], None]) -> list[Listed]:
    """List one local file; none if it cannot be listed, of which `unusable` is told as by `walk`."""
    status = _status(path, unusable, is_text=_is_text(str(path)))
    return [] if status is None else [Listed(str(path), status.st_size, status.st_mtime_ns)]


def _status(
    entry: "os.DirEntry[str] | Path", unusable: Callable[[str, str], None], *, is_text: bool
) -> os.stat_result | None:
    if not is_text:
        unusable(os.fspath(entry), "its name is no UTF-8; rename it")
        return None
    try:
        return entry.stat()
    except OSError as error:
        unusable(os.fspath(entry), f"{error.strerror}; check the link or permissions")
        return None


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False  # a link to itself, say: its status tells


def _is_text(path: str) -> bool:
    if path.isascii():
        return True
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
