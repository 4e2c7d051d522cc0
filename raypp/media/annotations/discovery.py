"""Labels of a folder: datasets and videos, and every label file that is not understood, with its remedy."""

from bisect import bisect_left, insort
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from raypp.errors import LabelError, MediaError
from raypp.io.filesystem import url_path
from raypp.media.annotations.content import read_head
from raypp.media.annotations.document import Annotations, VideoAnnotation
from raypp.media.annotations.documents import DOCUMENT_SUFFIXES, place, read_document, with_others
from raypp.media.annotations.foreign import Foreign
from raypp.media.annotations.label_files import has_labels
from raypp.media.annotations.locator import SPLIT_WORDS, FilesByName, Locator, join_locator
from raypp.media.annotations.rows import is_label_row
from raypp.media.annotations.yolo import is_image, read_yolo
from raypp.media.annotations.yolo_description import Description, from_darknet, from_list, from_yaml, likeliest
from raypp.media.dataset import Dataset
from raypp.media.listing import Listed, Listing
from raypp.media.source import IMAGE_SUFFIXES, VIDEO_SUFFIXES, Problem, suffix_of

LIST_NAMES = frozenset(["classes.txt", "obj.names", "_darknet.labels", "predefined_classes.txt"])
DESCRIBING = (".yaml", ".yml", ".data", *DOCUMENT_SUFFIXES)
"""Suffixes of files that can be named as a source, for what they describe."""
_MOST_LOOKED_INTO = 1000


@dataclass
class Claimed:
    """Files that are spoken for: single ones, and below some folders all that are no videos."""

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)

    def __contains__(self, url: str) -> bool:
        """Whether a file is."""
        folder, _, name = url.rpartition("/")
        return url in self.files or (self.covers(folder) and suffix_of(name) not in VIDEO_SUFFIXES)

    def covers(self, folder: str) -> bool:
        """Whether all files in a folder are that are no videos."""
        while self.folders and folder:
            if folder in self.folders:
                return True
            folder = folder.rpartition("/")[0]
        return False

    def left(self, listing: Listing, *, extra: Collection[str] = ()) -> Iterator[Listed]:
        """Yield the files of a listing that are not, and of all files those with some other suffixes."""
        for run in listing.runs:
            covered = self.covers(run.folder)
            part = Listing([run]).with_suffix(VIDEO_SUFFIXES | set(extra)) if covered else Listing([run])
            yield from (file for file in part if file.url not in self.files or suffix_of(_name(file)) in extra)


@dataclass
class LabelledSources:
    """Labels of a folder.

    Attributes:
        datasets: labelled image sets, by root.
        videos: labels of videos, by the video's URL.
        broken: datasets whose description cannot be read; none of their images is to be veiled without labels.
        problems: labels that cannot be used: one line each.
        unread: images in no dataset whose labels cannot be used.
        notes: what is odd, and costs no labels that are wanted.
        taken: files that belong to a dataset, or describe one.
    """

    datasets: dict[str, Dataset] = field(default_factory=dict)
    videos: dict[str, VideoAnnotation] = field(default_factory=dict)
    broken: list[Problem] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    taken: Claimed = field(default_factory=Claimed)


def find_labelled(listed: Listing, root: str, only: str | None = None) -> LabelledSources:
    """Find what is labelled among files.

    Args:
        listed: every file below `root`.
        root: folder or URL, without a slash at the end.
        only: the one file that describes labels; None for all there are.
    """
    if url_path(root) != root:
        return _behind_a_query(listed, root)
    finder = _Finder(listed, root, only)
    finder.yolo()
    finder.documents()
    if only is None:
        finder.loose()
    return finder.found


def described_folder(url: str) -> str:
    """Return the folder that a file which describes labels speaks of: its own, or that above a folder of such files."""
    folder = url.rpartition("/")[0]
    while _last(folder) in ("annotations", "annotation", "labels"):
        folder = folder.rpartition("/")[0]
    return folder


def _behind_a_query(listed: Listing, root: str) -> LabelledSources:
    """Labels behind a URL with a query are not looked for, as names below it do not end as files' names do."""
    paths = {file.url: url_path(file.url) for file in listed}
    describing = [url for url, path in paths.items() if path.lower().endswith((".txt", *DESCRIBING))]
    if not describing:
        return LabelledSources()
    line = (
        f"{root}: {len(describing)} files may hold labels, which are not read behind a URL with a query; name the "
        "endpoint by AWS_ENDPOINT_URL_S3 in the query's place"
    )
    return LabelledSources(problems=[line], unread={url for url, path in paths.items() if is_image(path)})


class _Finder:
    def __init__(self, listed: Listing, root: str, only: str | None) -> None:
        self.found = LabelledSources()
        self._root = root
        self._listed = listed
        describing = (*listed.with_suffix(DESCRIBING), *listed.called(LIST_NAMES))
        self._describing = [file for file in sorted(describing) if only is None or file.url == only]
        self._images = listed.with_suffix(IMAGE_SUFFIXES)
        self._videos = list(listed.with_suffix(VIDEO_SUFFIXES))
        self._roots: list[str] = []

    def yolo(self) -> None:
        """Read datasets in YOLO layout, those that lie deeper first."""
        described = [file for file in likeliest(self._describing) if _suffix(file) in (".yaml", ".yml")]
        self._describe(described, from_yaml)
        darknet = [file for file in self._describing if _suffix(file) == ".data"]
        if darknet:
            files = FilesByName(self._listed)
            self._describe(darknet, lambda where: from_darknet(where, Locator(where.rpartition("/")[0], files)))
        self._describe([file for file in self._describing if _name(file) in LIST_NAMES], from_list)

    def documents(self) -> None:
        """Read documents that label many images, or videos."""
        read: list[tuple[Listed, Annotations]] = []
        foreign: dict[str, list[tuple[Listed, Foreign]]] = {}
        for file in sorted(self._describing):
            if _suffix(file) not in DOCUMENT_SUFFIXES:
                continue
            try:
                document = read_document(file)
            except LabelError as error:
                self.found.problems.append(str(error))
                self.found.taken.files.add(file.url)
                self._unread_near(file)
                continue
            if isinstance(document, Foreign):
                foreign.setdefault(document.kind, []).append((file, document))
            elif document is not None:
                read.append((file, document))
            if document is not None:
                self.found.taken.files.add(file.url)
        if read:
            self._place(read)
        self._name_foreign(foreign)

    def _place(self, read: Sequence[tuple[Listed, Annotations]]) -> None:
        """Bring documents together with the files they name."""
        sets = self.found.datasets
        unlabelled = {root for root, dataset in sets.items() if not any(image.label_url for image in dataset.images)}
        labelled = {image.file.url for root in sets.keys() - unlabelled for image in sets[root].images}
        placed = place(read, self._root, self._images, self._videos, labelled)
        documented = {image.file.url for dataset in placed.datasets for image in dataset.images}
        for root in unlabelled:
            if any(image.file.url in documented for image in sets[root].images):
                del sets[root]
        taken = documented | {image.file.url for dataset in sets.values() for image in dataset.images}
        for dataset in with_others(placed.datasets, self._images, taken):
            sets.setdefault(dataset.root, dataset)
            self.found.taken.files.update(image.file.url for image in dataset.images)
        self.found.videos |= placed.videos
        self.found.problems += placed.problems
        self.found.notes += placed.notes

    def loose(self) -> None:
        """Tell of label files beside images that no dataset has."""
        images = list(self.found.taken.left(self._images))
        if not images:
            return
        texts = {file.url.lower(): file.url for file in self._listed.with_suffix([".txt"])}
        first: str | None = None
        count = 0
        for image in images if texts else ():
            label = has_labels(image.url, self._root, texts)
            if label is None or not (count >= _MOST_LOOKED_INTO or _holds_rows(label)):
                continue
            first, count = first or label, count + 1
            self.found.unread.add(image.url)
        if first is not None:
            self.found.problems.append(
                f"{count} images have label files ({first}{' ...' if count > 1 else ''}), and nothing names their "
                "classes; put a classes.txt (one class a line) or a data.yaml with names into their folder"
            )

    def _describe(self, files: Sequence[Listed], read: Callable[[str], Description | None]) -> None:
        for file in sorted(files, key=lambda listed: -listed.url.count("/")):
            if file.url in self.found.taken and _suffix(file) not in (".yaml", ".yml"):
                continue
            try:
                description = read(file.url)
            except (MediaError, LabelError) as error:
                self._break(file, str(error))
                continue
            if description is None:
                continue
            root = self._root_of(description)
            other = self.found.datasets.get(root)
            if other is not None:
                if other.classes != description.classes:
                    self.found.problems.append(
                        f"{file.url} names other classes than the description that is used for {root}; remove one"
                    )
                continue
            members = self._listed.below(root)
            inner = self._roots[bisect_left(self._roots, root + "/") : bisect_left(self._roots, root + "0")]
            outer = members.without(inner)
            if description.where.endswith(tuple(LIST_NAMES)) and not _any_labels(outer, root):
                continue
            try:
                dataset = read_yolo(description, root, outer if len(outer.with_suffix(IMAGE_SUFFIXES)) else members)
            except (MediaError, LabelError) as error:
                self._break(file, str(error), root)
                continue
            self.found.datasets[root] = dataset
            insort(self._roots, root)
            self.found.taken.folders.add(root)
            self.found.taken.files.add(file.url)

    def _root_of(self, description: Description) -> str:
        """The folder of a described dataset: the base it names, its own, or one above that has its images."""
        folder = description.where.rpartition("/")[0]
        above = folder.rpartition("/")[0]
        if description.where.endswith(tuple(LIST_NAMES)) and _last(folder) in ("labels", "data", *SPLIT_WORDS):
            folder = above if folder != self._root else folder
        places = [folder, above] if folder != self._root and len(above) >= len(self._root) else [folder]
        base = join_locator(folder, description.base)
        if description.base and base != folder and not folder.startswith(base + "/"):
            places.insert(0, base)
        return next((candidate for candidate in places if self._images.holds(candidate)), folder)

    def _break(self, file: Listed, reason: str, root: str | None = None) -> None:
        self.found.broken.append(Problem(file.url, reason))
        self.found.taken.folders.add(file.url.rpartition("/")[0] if root is None else root)

    def _unread_near(self, file: Listed) -> None:
        """Count images around a document that cannot be read as images whose labels are unread."""
        folder = file.url.rpartition("/")[0]
        if not self._images.holds(folder) and folder != self._root:
            folder = folder.rpartition("/")[0]
        taken = self.found.taken
        self.found.unread.update(listed.url for listed in self._images.below(folder) if listed.url not in taken)

    def _name_foreign(self, foreign: dict[str, list[tuple[Listed, Foreign]]]) -> None:
        locator = Locator(self._root, FilesByName(self._images if foreign else ()))
        for kind, files in sorted(foreign.items()):
            first = files[0][0].url
            self.found.problems.append(
                f"{len(files)} files are {kind}, which is not read ({first}{' ...' if len(files) > 1 else ''}); "
                "export the labels as COCO JSON, CVAT XML, Label Studio JSON or YOLO"
            )
            for file, document in files:
                folder = file.url.rpartition("/")[0]
                image = None if document.image is None else locator.find(document.image, folder, f"{folder}/../images")
                if image is not None:
                    self.found.unread.add(image.url)
                elif document.image is None:
                    self._unread_near(file)


def _any_labels(files: Listing, root: str) -> bool:
    texts = {file.url.lower(): file.url for file in files.with_suffix([".txt"])}
    return any(has_labels(file.url, root, texts) for file in files.with_suffix(IMAGE_SUFFIXES))


def _holds_rows(url: str) -> bool:
    lines = read_head(url).decode("utf-8-sig", errors="replace").splitlines()
    return is_label_row(next((line for line in lines if line.strip()), ""))


def _name(file: Listed) -> str:
    return file.url.rpartition("/")[2].lower()


def _last(folder: str) -> str:
    return PurePosixPath(folder).name.lower()


def _suffix(file: Listed) -> str:
    return suffix_of(_name(file))
