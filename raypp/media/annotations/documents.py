"""Documents that label many images or videos: read by what they are, and brought together with the files they name."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from raypp.errors import LabelError, MediaError
from raypp.media.annotations.boxes import ImageLabels, image_labels
from raypp.media.annotations.coco import CocoReader
from raypp.media.annotations.content import MOST_DOCUMENT, MOST_XML, parse_json, parse_xml, read_bytes
from raypp.media.annotations.cvat import CvatReader
from raypp.media.annotations.document import (
    AnnotationReader,
    Annotations,
    ImageAnnotation,
    VideoAnnotation,
    names_in_order,
)
from raypp.media.annotations.foreign import Foreign, foreign
from raypp.media.annotations.labelstudio import LabelStudioReader
from raypp.media.annotations.locator import SPLIT_WORDS, FilesByName, Locator, split_of
from raypp.media.dataset import Dataset
from raypp.media.dataset_images import UNSPLIT, DatasetImage, source_of
from raypp.media.listing import Listed, Listing

READERS: tuple[AnnotationReader, ...] = (CocoReader(), CvatReader(), LabelStudioReader())
DOCUMENT_SUFFIXES = (".json", ".xml")
_FOLDERS = frozenset(["annotations", "annotation", "labels", *SPLIT_WORDS])
_FRAME = re.compile(r"frame_0*(\d+)$", re.IGNORECASE)
_SIGNS = (b'"annotations"', b'"categories"', b"<annotation")


def read_document(file: Listed) -> Annotations | Foreign | None:
    """Read a document; None for one that holds no labels.

    Raises:
        LabelError: naming the file, if it holds labels and cannot be understood.
    """
    try:
        content = read_bytes(file.url, MOST_XML if file.url.lower().endswith(".xml") else MOST_DOCUMENT)
    except MediaError as error:
        raise LabelError(str(error)) from None
    try:
        document = (parse_xml if file.url.lower().endswith(".xml") else parse_json)(content, file.url)
    except LabelError:
        if any(sign in content[: 1 << 20] for sign in _SIGNS):
            raise
        return None
    reader = next((candidate for candidate in READERS if candidate.recognises(document)), None)
    if reader is None:
        return foreign(document, file.url)
    try:
        return reader.read(document, file.url)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LabelError(f"{file.url} is not as its format has it; export it again") from None


@dataclass
class Placed:
    """Labels of documents, for the files that are there.

    Attributes:
        datasets: images by root of the documents that label them.
        videos: labels of videos by URL.
        problems: labels that cannot be used: one line each.
        notes: what is odd, and costs no labels that are wanted.
    """

    datasets: list[Dataset] = field(default_factory=list)
    videos: dict[str, VideoAnnotation] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Member:
    file: Listed
    split: str
    annotation: ImageAnnotation
    where: str


def place(
    documents: Sequence[tuple[Listed, Annotations]],
    root: str,
    images: Listing,
    videos: Sequence[Listed],
    labelled: Iterable[str] = (),
) -> Placed:
    """Bring documents together with the files they name.

    Args:
        documents: each with the file it was read from.
        root: the folder that everything lies in.
        images: images below it.
        videos: videos below it.
        labelled: images that have labels by other means, whose documents are not needed.
    """
    placed = Placed()
    roots: dict[str, list[_Member]] = {}
    classes: dict[str, list[Sequence[str]]] = {}
    claimed = dict.fromkeys(labelled, "label files")
    for file, read in documents:
        placed.notes += read.left_out
        try:
            document = _as_video(read, images, videos, file.url, root)
        except LabelError as error:
            placed.problems.append(str(error))
            continue
        for video in document.videos:
            _place_video(video, videos, file.url, root, placed)
        if not document.images:
            continue
        where, pairs = _best_root(document.images, file.url, root, images)
        missing = [annotation.name for annotation, there in pairs if there is None]
        if missing:
            placed.problems.append(
                f"{file.url} labels {len(missing)} images that are not there: {missing[0]}"
                f"{' ...' if len(missing) > 1 else ''}; put them below its folder, or export again with the images"
            )
        again: Counter[str] = Counter()
        for annotation, there in _once(pairs, file.url):
            if there is None:
                continue
            first = claimed.setdefault(there.url, file.url)
            if first != file.url:
                again[first] += 1
                continue
            split = _split(annotation, file.url, there.url, root)
            roots.setdefault(where, []).append(_Member(there, split, annotation, file.url))
        classes.setdefault(where, []).append(document.classes)
        for first, count in again.items():
            placed.notes.append(f"{file.url} labels {count} images that {first} labels, too, and is not used for them")
    for where, members in sorted(roots.items()):
        placed.datasets.append(_dataset(where, members, names_in_order(*classes[where])))
    return placed


def _once(
    pairs: Sequence[tuple[ImageAnnotation, Listed | None]], where: str
) -> list[tuple[ImageAnnotation, Listed | None]]:
    """Each file once; of one that a document labels twice, and differently, neither labels can be used."""
    chosen: dict[Listed | None, ImageAnnotation] = {}
    for annotation, there in pairs:
        first = chosen.setdefault(there, annotation)
        if there is not None and (first.shapes, first.problem) != (annotation.shapes, annotation.problem):
            problem = f"{where} labels {there.url} twice, and differently; keep the right labels, and export it again"
            chosen[there] = replace(first, problem=problem)
    return [(annotation, there) for there, annotation in chosen.items()]


def with_others(datasets: Sequence[Dataset], images: Listing, taken: set[str]) -> list[Dataset]:
    """Add to each dataset the images below its root that nothing labels and no other has taken."""
    grown = {dataset.root: dataset for dataset in datasets}
    for root in sorted(grown, key=len, reverse=True):
        others = [file for file in images.below(root) if file.url not in taken]
        taken.update(file.url for file in others)
        extra = tuple(
            DatasetImage(source_of(file, root), split_of(file.url.removeprefix(root)) or UNSPLIT) for file in others
        )
        grown[root] = replace(grown[root], images=(*grown[root].images, *extra))
    return [grown[dataset.root] for dataset in datasets]


def _dataset(root: str, members: Sequence[_Member], classes: Sequence[str]) -> Dataset:
    numbers = {name: number for number, name in enumerate(classes)}
    images = []
    for member in members:
        labels, problem = _labels(member, numbers)
        images.append(DatasetImage(source_of(member.file, root), member.split, labels=labels, problem=problem))
    return Dataset(root, PurePosixPath(root).name, tuple(classes), tuple(images))


def _labels(member: _Member, numbers: dict[str, int]) -> tuple[ImageLabels | None, str | None]:
    annotation = member.annotation
    if annotation.problem is not None:
        return None, annotation.problem
    width, height = annotation.extent
    size = (round(width), round(height)) if annotation.in_pixels else None
    place = f"{member.where}: image {annotation.name}"
    try:
        return image_labels(annotation.shapes, annotation.extent, numbers, place, size), None
    except LabelError as error:
        return None, str(error)


def _best_root(
    wanted: Sequence[ImageAnnotation], where: str, root: str, images: Listing
) -> tuple[str, list[tuple[ImageAnnotation, Listed | None]]]:
    """The closest folder around a document below which most of its images are, and what was found there."""
    folder = where.rpartition("/")[0]
    while folder != root and folder.rpartition("/")[2].lower() in _FOLDERS:
        folder = folder.rpartition("/")[0]
    best: tuple[str, list[tuple[ImageAnnotation, Listed | None]]] | None = None
    most = -1
    while True:
        below = images.below(folder)
        locator = Locator(folder, FilesByName(below))
        bases = (where.rpartition("/")[0], f"{folder}/images")
        pairs = [
            (annotation, locator.find(annotation.name, *bases) or _without_suffix(annotation.name, below))
            for annotation in wanted
        ]
        count = sum(there is not None for _, there in pairs)
        if count > most:
            best, most = (folder, pairs), count
        if count == len(wanted) or folder == root or "/" not in folder.removeprefix(root):
            break
        folder = folder.rpartition("/")[0]
    assert best is not None  # noqa: S101
    return best


def _without_suffix(name: str, images: Sequence[Listed]) -> Listed | None:
    """The one image of a name that a document gives without suffix."""
    if PurePosixPath(name).suffix:
        return None
    tail = "/" + name.strip("/")
    matches = [file for file in images if file.url.rpartition(".")[0].endswith(tail)]
    return matches[0] if len(matches) == 1 else None


def _split(annotation: ImageAnnotation, document: str, image: str, root: str) -> str:
    if annotation.split:
        return SPLIT_WORDS.get(annotation.split.lower(), annotation.split.lower())
    words = re.split(r"[^a-z0-9]+", PurePosixPath(document).stem.lower())
    named = next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS), None)
    return (
        named
        or split_of(document.removeprefix(root).rpartition("/")[0])
        or split_of(image.removeprefix(root).rpartition("/")[0])
        or UNSPLIT
    )


def _as_video(document: Annotations, images: Listing, videos: Sequence[Listed], where: str, root: str) -> Annotations:
    """Take images that are called like a video's frames, and are not there, for frames of the one video that is."""
    frames = [_FRAME.search(PurePosixPath(image.name).with_suffix("").name) for image in document.images]
    if not frames or not all(frames) or document.videos or any(not image.in_pixels for image in document.images):
        return document
    if any(there is not None for _, there in _best_root(document.images, where, root, images)[1]):
        return document
    if _video_of(None, videos, where, root) is None or len({image.extent for image in document.images}) != 1:
        return document
    numbers = [int(match.group(1)) for match in frames if match]
    problem = next((image.problem for image in document.images if image.problem), None)
    if problem is not None:
        raise LabelError(problem)
    shapes = {number: image.shapes for number, image in zip(numbers, document.images, strict=True)}
    extent = document.images[0].extent
    video = VideoAnnotation(None, extent, min(numbers), max(numbers), where, frames=shapes)
    return replace(document, images=(), videos=(video,))


def _place_video(video: VideoAnnotation, videos: Sequence[Listed], where: str, root: str, placed: Placed) -> None:
    file = _video_of(video.name, videos, where, root)
    if file is None:
        named = video.name or "a video that it does not name"
        placed.problems.append(
            f"{video.where} labels {named}, which is not among the videos; put it beside the document, named alike"
        )
    elif file.url in placed.videos:
        other = placed.videos[file.url].where
        placed.problems.append(f"{video.where} and {other} both label {file.url}; remove one of them")
    else:
        placed.videos[file.url] = video


def _video_of(name: str | None, videos: Sequence[Listed], where: str, root: str) -> Listed | None:
    """The video of a name; without one, that of the document's name, or the only one beside it, or the only one."""
    folder = where.rpartition("/")[0]
    if name is not None:
        video = Locator(root, FilesByName(videos)).find(name, folder)
        if video is not None:
            return video
    stem = PurePosixPath(where).stem
    for group in (
        [candidate for candidate in videos if candidate.url.rpartition(".")[0] == f"{folder}/{stem}"],
        [candidate for candidate in videos if candidate.url.rpartition("/")[0] == folder] if name is None else [],
        videos if name is None else [],
    ):
        if len(group) == 1:
            return group[0]
    return None
