"""Label tables from the labels beside the sources, keyed by sample_id."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from raypp.errors import ConflictError, LabelError, MediaError
from raypp.geometry.boxes import Box
from raypp.ingest.label_placing import LabelledRow, LabelPlacing
from raypp.ingest.label_reading import LabelReading
from raypp.ingest.plan import VeilPlan
from raypp.ingest.planned_names import PlannedNames
from raypp.ingest.segment import Item
from raypp.ingest.veiled_rows import VeiledRows
from raypp.ingest.video_labels import VideoLabels, labels_of_video
from raypp.ingest.worker import SegmentWorker
from raypp.media.annotations.boxes import ImageLabels
from raypp.media.annotations.document import VideoAnnotation
from raypp.media.dataset import Dataset, DatasetLabels
from raypp.media.dataset_images import UNSPLIT, folders_of
from raypp.media.discovery import Discovery
from raypp.media.label_reads import LabelRead
from raypp.shards.labels import SampleLabels, label_columns, write_labels
from raypp.shards.reader import ShardReader
from raypp.text.split_names import TRAIN

VIDEO_TABLE = "video"
_IMAGES_AT_ONCE = 4096


@dataclass(frozen=True)
class LabelTables:
    """Result of writing a job's labels.

    Attributes:
        versions: names of the label versions that hold the present labels.
        problems: labels left out, one line each.
        notes: what is odd, and costs no labels that are wanted.
        misfits: images whose labels turned out to be of an image of another shape.
    """

    versions: tuple[str, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    misfits: int = 0


@dataclass(frozen=True, repr=False)
class _Table:
    name: str
    classes: tuple[str, ...]
    columns: pa.Table


def write_label_tables(
    discovery: Discovery, reading: LabelReading, plan: VeilPlan, worker: SegmentWorker, version: str | None
) -> LabelTables:
    """Write a label table for each labelled dataset, and one for all labelled videos.

    Labels that cannot be used are left out with the reason; their image then counts as not labelled.

    Args:
        discovery: the sources.
        reading: the labels of their datasets.
        plan: which source is which item.
        worker: key and output.
        version: name of the new versions, or None to number them; labels that did not change keep their version.

    Raises:
        ConflictError: if `version` exists with other content.
    """
    problems: list[str] = list(reading.problems)
    notes: list[str] = list(reading.notes)
    items = {item.url: item for item in plan.videos()}
    videos = _read_videos(items.values(), discovery.video_labels, problems)
    labelled = [dataset for dataset in discovery.datasets if dataset.labelled]
    if not videos and not labelled:
        return LabelTables((), tuple(problems), tuple(notes))
    veiled = VeiledRows(ShardReader(worker.settings.out, encryption=worker.data_key))
    placing = LabelPlacing(worker, plan.views())
    planned = PlannedNames(plan.sources)
    known = len(problems)
    versions: list[str] = []
    for dataset in labelled:
        images = _labelled_images(dataset, reading.datasets[dataset.root], planned, veiled, placing)
        rows = _rows_of_images(images, placing, problems)
        versions += _write(worker, _Table(dataset.name, dataset.classes, label_columns(rows)), version)
    misfits = len(problems) - known
    if videos:
        frames = _FramesOfVideos(items, veiled, placing)
        counts = {url: _Counts() for url in videos}
        versions += _write(worker, _of_videos(videos, frames, placing, counts), version)
        notes += _counted(discovery.video_labels, frames, counts)
    return LabelTables(tuple(versions), tuple(dict.fromkeys(problems)), tuple(notes), misfits)


class _LabelledImage(NamedTuple):
    """An image with labels that can be used, and its rows in the archive."""

    url: str
    split: str
    labels: ImageLabels
    rows: list[LabelledRow]


def _labelled_images(
    dataset: Dataset, labels: DatasetLabels, planned: PlannedNames, veiled: VeiledRows, placing: LabelPlacing
) -> Iterator[_LabelledImage]:
    """Yield what is both veiled and labelled: neither in quarantine, nor left out by --limit, nor without labels."""
    start = 0
    for images in folders_of(dataset.images):
        planned_rows = planned.rows_of(images.folder, images.names)
        for first in range(0, len(images.names), _IMAGES_AT_ONCE):
            some = slice(first, first + _IMAGES_AT_ONCE)
            sources = list(planned.sources(planned_rows[some]))
            outcomes = labels.outcomes[start + first : start + first + len(sources)]
            veiled_rows = veiled.of([source[0] if source else "" for source in sources])
            for name, source, outcome, rows in zip(images.names[some], sources, outcomes, veiled_rows, strict=True):
                own = placing.own(rows, source[1]) if source else []
                if own and outcome is not None and not isinstance(outcome, str):
                    usable = outcome.labels if isinstance(outcome, LabelRead) else outcome
                    yield _LabelledImage(f"{images.folder}/{name}", images.split, usable, own)
        start += len(images.names)


def _rows_of_images(
    images: Iterable[_LabelledImage], placing: LabelPlacing, problems: list[str]
) -> Iterator[SampleLabels]:
    for url, split, labels, rows in images:
        try:
            placing.check_size(labels, rows[0], url)
        except LabelError as error:
            problems.append(str(error))
            continue
        for row in rows:
            if _counts(row, split):
                yield placing.labelled(row, split, labels.boxes)


@dataclass
class _Counts:
    """How many frames a video has, how many of them are labelled, and how many of those as empty."""

    frames: int = 0
    labelled: int = 0
    empty: int = 0


@dataclass(frozen=True)
class _FramesOfVideos:
    """Rows of planned videos, by URL."""

    items: Mapping[str, Item]
    veiled: VeiledRows
    placing: LabelPlacing

    def of(self, url: str) -> list[LabelledRow]:
        """Return the rows of a video; none of one that is not planned."""
        item = self.items.get(url)
        return [] if item is None else self.placing.own(self.veiled.of_one(item.source), bytes.fromhex(item.identity))


def _of_videos(
    videos: dict[str, VideoLabels], frames: _FramesOfVideos, placing: LabelPlacing, counts: Mapping[str, _Counts]
) -> _Table:
    classes = tuple(sorted({name for labels in videos.values() for name in labels.moments.classes}))
    numbers = {name: number for number, name in enumerate(classes)}

    def labelled() -> Iterator[SampleLabels]:
        for url, labels in videos.items():
            rows = frames.of(url)
            counts[url].frames = len(rows)
            for frame in rows:
                named = labels.moments.boxes_at(frame.timestamp_us, labels.tolerance_us)
                if named is None or not _counts(frame, UNSPLIT):
                    continue  # this moment was not annotated
                boxes = [Box(numbers[name], box.x, box.y, box.w, box.h) for name, box in named]
                row = placing.labelled(frame, UNSPLIT, boxes)
                counts[url].labelled += 1
                counts[url].empty += not row.boxes
                yield row

    return _Table(VIDEO_TABLE, classes, label_columns(labelled()))


def _counted(
    documented: Mapping[str, VideoAnnotation], frames: _FramesOfVideos, counts: Mapping[str, _Counts]
) -> list[str]:
    """Say for each video of a document how many of its veiled frames are labelled, and how many of those as empty."""
    notes = []
    for url, video in documented.items():
        of_video = counts.get(url) or _Counts(len(frames.of(url)))
        notes.append(
            f"{url}: {of_video.labelled} of {of_video.frames} veiled frames labelled by {video.where}, "
            f"{of_video.empty} of them as empty"
        )
    return notes


def _write(worker: SegmentWorker, table: _Table, version: str | None) -> list[str]:
    """Write under the wanted version; unnumbered, under the first number that is free or has this very content.

    Returns the version's name; nothing without rows.
    """
    number = 1
    while table.columns.num_rows:
        name = f"{table.name}-{version or f'v{number}'}"
        try:
            write_labels(worker.store, name, table.classes, worker.veil.veil_id, table.columns)
        except ConflictError:
            if version is not None:
                raise
            number += 1
        else:
            return [name]
    return []


def _read_videos(
    items: Iterable[Item], documented: Mapping[str, VideoAnnotation], problems: list[str]
) -> dict[str, VideoLabels]:
    """Labels of the videos that have some, by the video's URL."""
    by_url: dict[str, VideoLabels] = {}
    for item in items:
        try:
            labels = labels_of_video(item.url, documented.get(item.url))
        except (LabelError, MediaError) as error:
            problems.append(str(error))
            continue
        if labels is not None:
            by_url[item.url] = labels
            problems += [labels.problem] if labels.problem else []
    return by_url


def _counts(frame: LabelledRow, split: str) -> bool:
    """Whether a frame is labelled: variants only for training, should their image be of another split by now."""
    return frame.variant == 0 or split == TRAIN
