"""Discovery: from what the user names to files and datasets, nothing silently passed by."""

import csv
import glob
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from raypp.errors import MediaError, RayppError
from raypp.io.filesystem import is_url, plain_name, url_path
from raypp.media.annotations.discovery import DESCRIBING, LabelledSources, described_folder, find_labelled
from raypp.media.annotations.document import VideoAnnotation
from raypp.media.dataset import Dataset
from raypp.media.files import list_files, open_source
from raypp.media.listing import Listed, Listing, list_one, walk
from raypp.media.source import (
    IMAGE_SUFFIXES,
    UNREADABLE_SUFFIXES,
    VIDEO_SUFFIXES,
    Problem,
    SourceFile,
    SourceKind,
    suffix_of,
)

_MOST_INVENTORY_BYTES = 32_000_000
_EXPECTED = (".labels.csv", ".timeline.csv", ".uses.csv", ".txt", ".yaml", ".yml", ".json", ".md", ".cache")


@dataclass(frozen=True)
class Discovery:
    """Content of the sources.

    Attributes:
        files: loose videos and images, sorted.
        datasets: labelled image sets.
        problems: what cannot be used.
        ignored: URLs of files that are neither video, image, nor anything that goes with them.
        video_labels: labels of videos that a document holds, by the video's URL.
        label_problems: labels that cannot be used, one line each.
        label_notes: what is odd about labels, and costs none that are wanted.
        unread: loose images whose labels cannot be used.
    """

    files: tuple[SourceFile, ...]
    datasets: tuple[Dataset, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]
    video_labels: Mapping[str, VideoAnnotation] = field(default_factory=dict)
    label_problems: tuple[str, ...] = ()
    label_notes: tuple[str, ...] = ()
    unread: frozenset[str] = frozenset()


@dataclass
class _Found:
    files: dict[str, SourceFile] = field(default_factory=dict)
    datasets: dict[str, Dataset] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    ignored: set[str] = field(default_factory=set)
    labelled: list[LabelledSources] = field(default_factory=list)

    def unusable(self, path: str, reason: str) -> None:
        """Take a path that cannot be listed for a problem."""
        place = _shown(path)
        self.problems.append(Problem(place, f"{place}: {reason}"))


def discover(sources: Sequence[str]) -> Discovery:
    """Find every video, image and dataset of the named sources.

    A source is a file, a folder (searched through), a glob, a URL of a file or folder, or an inventory: a .csv with a
    column `url` and, if wanted, `site`, `camera` and `start`; or the file that describes a dataset or holds its labels.
    Hidden files are passed by.

    Raises:
        MediaError: if a named source does not exist or an inventory is malformed.
    """
    gathered = _Found()
    for source in sources:
        if source.endswith(".csv"):
            _inventory(source, gathered)
        elif is_url(source):
            _url(source.rstrip("/"), gathered)
        else:
            paths, named = _local(source)
            for path in paths:
                _path(path, gathered, named=named)
    loose = gathered.files or any(labelled_sources.unread for labelled_sources in gathered.labelled)
    sets = gathered.datasets.values() if loose else ()
    labelled = {image.file.url for dataset in sets for image in dataset.images}
    files = sorted((file for url, file in gathered.files.items() if url not in labelled), key=lambda file: file.url)
    datasets = sorted(gathered.datasets.values(), key=lambda dataset: dataset.root)
    return Discovery(
        tuple(files),
        tuple(datasets),
        tuple(gathered.problems),
        tuple(sorted(gathered.ignored)),
        video_labels={
            url: video for labelled_sources in gathered.labelled for url, video in labelled_sources.videos.items()
        },
        label_problems=tuple(
            dict.fromkeys(line for labelled_sources in gathered.labelled for line in labelled_sources.problems)
        ),
        label_notes=tuple(
            dict.fromkeys(
                [
                    *(line for labelled_sources in gathered.labelled for line in labelled_sources.notes),
                    *(line for dataset in datasets for line in dataset.notes),
                ]
            )
        ),
        unread=frozenset(
            url for labelled_sources in gathered.labelled for url in labelled_sources.unread if url not in labelled
        ),
    )


def _local(source: str) -> tuple[list[Path], bool]:
    """Paths of a source, and whether the user named them one by one."""
    path = Path(source).absolute()
    try:
        if path.exists():
            return [path], True
    except OSError as error:
        raise MediaError(
            f"source {_shown(source[:80])}: {error.strerror}; give a file, folder, glob, URL or inventory"
        ) from None
    if glob.has_magic(source):
        matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute patterns
        if matches:
            return [Path(match).absolute() for match in matches], False
    raise MediaError(f"source {_shown(source)} does not exist; give a file, folder, glob, URL or inventory (.csv)")


def _path(path: Path, gathered: _Found, *, named: bool) -> None:
    if path.is_dir():
        _tree(walk(str(path), gathered.unusable), str(path), gathered)
    elif path.suffix.lower() in DESCRIBING:
        folder = described_folder(str(path))
        _described(str(path), folder, walk(folder, gathered.unusable), gathered)
    else:
        _files(list_one(path, gathered.unusable), str(path.parent), gathered, named=named)


def _described(url: str, folder: str, listed: Listing, gathered: _Found) -> None:
    """Take the dataset or videos that one file describes, and nothing else of its folder."""
    labelled = find_labelled(listed, folder, only=url)
    if not labelled.datasets and not labelled.videos and not labelled.broken:
        reason = labelled.problems[0] if labelled.problems else "it describes no dataset and labels nothing"
        raise MediaError(f"source {url}: {reason}; name a folder, a video, an image, or a dataset's description")
    _take(labelled, gathered)
    _files([file for file in listed if file.url in labelled.videos], folder, gathered)


def _url(url: str, gathered: _Found) -> None:
    if _suffix(url) in VIDEO_SUFFIXES | IMAGE_SUFFIXES | UNREADABLE_SUFFIXES.keys():
        stream = open_source(url)
        size = stream.size
        stream.close()
        _files([Listed(url, size, None)], url_path(url).rpartition("/")[0], gathered, named=True)
        return
    if _suffix(url) in DESCRIBING:
        folder = described_folder(url)
        _described(url, folder, list_files(folder), gathered)
        return
    listed = list_files(url)
    if not listed:
        raise MediaError(f"source {url} holds no files; check the URL")
    _tree(listed, url, gathered)


def _tree(listed: Listing, root: str, gathered: _Found) -> None:
    """Sort the files below a folder: those of datasets, and the loose ones."""
    labelled = find_labelled(listed, root)
    _take(labelled, gathered)
    left = labelled.taken.left(listed, extra=UNREADABLE_SUFFIXES)
    _files(left, root, gathered)


def _take(labelled: LabelledSources, gathered: _Found) -> None:
    gathered.datasets |= labelled.datasets
    gathered.problems += labelled.broken
    gathered.labelled.append(labelled)


def _files(
    listed: Iterable[Listed],
    root: str,
    gathered: _Found,
    extra: dict[str, str | None] | None = None,
    *,
    named: bool = False,
) -> None:
    """Sort files by kind; one that was named, or is known for a video or image, is never passed by silently."""
    for file in listed:
        suffix = _suffix(file.url)
        if suffix in VIDEO_SUFFIXES:
            kind = SourceKind.VIDEO
        elif suffix in IMAGE_SUFFIXES:
            kind = SourceKind.IMAGE
        elif suffix in UNREADABLE_SUFFIXES:
            remedy = f"convert it into {UNREADABLE_SUFFIXES[suffix]}"
            gathered.problems.append(Problem(file.url, f"{file.url}: {suffix} files cannot be decoded here; {remedy}"))
            continue
        elif named and not file.url.endswith(_EXPECTED):
            kind_told = f"its suffix {suffix} is" if suffix else "its name without a suffix is"
            remedy = "rename it if it is one, or name its folder"
            gathered.problems.append(Problem(file.url, f"{file.url}: {kind_told} no video's and no image's; {remedy}"))
            continue
        elif not file.url.endswith(_EXPECTED):
            gathered.ignored.add(file.url)
            continue
        else:
            continue
        if file.size == 0:
            reason = f"{file.url}: the file is empty; copy it again or remove it"
            gathered.problems.append(Problem(file.url, reason))
            continue
        relative = url_path(file.url).removeprefix(url_path(root).rstrip("/") + "/")
        relative = plain_name(relative) if is_url(file.url) else relative
        gathered.files.setdefault(
            file.url, SourceFile(file.url, relative, file.size, file.mtime_ns, kind, **(extra or {}))
        )


def _inventory(source: str, gathered: _Found) -> None:
    stream = open_source(source)
    try:
        rows = list(csv.DictReader(io.StringIO(stream.read(_MOST_INVENTORY_BYTES + 1).decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        raise MediaError(f"inventory {source} is no CSV in UTF-8; export it again") from None
    finally:
        stream.close()
    if stream.size > _MOST_INVENTORY_BYTES:
        raise MediaError(f"inventory {source} is larger than {_MOST_INVENTORY_BYTES:,} bytes; split it")
    if not rows or "url" not in rows[0]:
        raise MediaError(f"inventory {source} needs a header with the column url and at least one row")
    folder = source.rpartition("/")[0]
    for line, row in enumerate(rows, 2):
        url = row["url"] or ""
        if not url:
            gathered.problems.append(
                Problem(source, f"{source}:{line}: the column url is empty; correct the inventory")
            )
            continue
        if not is_url(url) and not url.startswith("/"):
            url = f"{folder}/{url}" if folder else url
        extra = {name: row.get(name) or None for name in ("site", "camera", "start")}
        try:
            if is_url(url):
                opened = open_source(url)
                listed = Listed(url, opened.size, None)
                opened.close()
            else:
                info = Path(url).absolute().stat()
                listed = Listed(str(Path(url).absolute()), info.st_size, info.st_mtime_ns)
        except (OSError, ValueError, RayppError) as error:  # a name with a zero byte is a ValueError
            reason = getattr(error, "strerror", None) or str(error)
            gathered.problems.append(Problem(url, f"{source}:{line}: {url}: {reason}; correct the inventory"))
            continue
        _files([listed], url_path(listed.url).rpartition("/")[0], gathered, extra, named=True)


def _suffix(url: str) -> str:
    return suffix_of(url_path(url).rpartition("/")[2])


def _shown(place: str) -> str:
    r"""A path as text: bytes of its name that are no UTF-8 are written as \xNN."""
    return place.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
