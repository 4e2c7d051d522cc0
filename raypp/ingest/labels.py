"""Label tables from the labels beside the sources, keyed by sample_id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from raypp.errors import ConflictError, LabelError, MediaError
from raypp.geometry.boxes import Box
from raypp.ingest.label_placing import LabelledRow, LabelPlacing
from raypp.ingest.label_reading import LabelReading
from raypp.ingest.plan import VeilPlan
from raypp.ingest.segment import Item
from raypp.ingest.video_labels import VideoLabels, labels_of_video
from raypp.ingest.worker import SegmentWorker
from raypp.media.annotations.document import VideoAnnotation
from raypp.media.dataset import Dataset, DatasetLabels
from raypp.media.dataset_images import UNSPLIT
from raypp.media.discovery import Discovery
from raypp.media.source import SourceKind
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.reader import ShardReader
from raypp.text.split_names import TRAIN

VIDEO_TABLE = "video"


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


@dataclass(frozen=True)
class _Table:
    name: str
    classes: tuple[str, ...]
    rows: list[SampleLabels]


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
    items = {item.url: item for item in plan.items()}
    videos = _read_videos(items.values(), discovery.video_labels, problems)
    labelled = [dataset for dataset in discovery.datasets if dataset.labelled]
    if not videos and not labelled:
        return LabelTables((), tuple(problems), tuple(notes))
    veiled = _veiled_frames(worker)
    placing = LabelPlacing(worker, plan.views())
    known = len(problems)
    tables = [
        _of_dataset(dataset, reading.datasets[dataset.root], items, veiled, placing, problems) for dataset in labelled
    ]
    misfits = len(problems) - known
    if videos:
        tables.append(_of_videos(videos, items, veiled, placing))
        notes += _counted(discovery.video_labels, tables[-1], items, veiled)
    return LabelTables(
        tuple(_write(worker, table, version) for table in tables if table.rows),
        tuple(dict.fromkeys(problems)),
        tuple(notes),
        misfits,
    )


def _of_dataset(
    dataset: Dataset,
    labels: DatasetLabels,
    items: dict[str, Item],
    veiled: dict[str, list[LabelledRow]],
    placing: LabelPlacing,
    problems: list[str],
) -> _Table:
    rows: list[SampleLabels] = []
    by_url = labels.by_url()
    for image in dataset.images:
        item = items.get(image.file.url)
        frames = veiled.get(item.source, []) if item else []
        labelled = by_url.get(image.file.url)
        if not frames or labelled is None:
            continue  # quarantined, left out by --limit, or not labelled
        try:
            placing.check_size(labelled, frames[0], image.file.url)
        except LabelError as error:
            problems.append(str(error))
            continue
        rows += [
            placing.labelled(frame, image.split, labelled.boxes) for frame in frames if _counts(frame, image.split)
        ]
    return _Table(dataset.name, dataset.classes, rows)


def _of_videos(
    videos: dict[str, VideoLabels],
    items: dict[str, Item],
    veiled: dict[str, list[LabelledRow]],
    placing: LabelPlacing,
) -> _Table:
    classes = tuple(sorted({name for labels in videos.values() for name in labels.moments.classes}))
    numbers = {name: number for number, name in enumerate(classes)}
    rows: list[SampleLabels] = []
    for url, labels in videos.items():
        for frame in veiled.get(items[url].source, []):
            named = labels.moments.boxes_at(frame.timestamp_us, labels.tolerance_us)
            if named is None or not _counts(frame, UNSPLIT):
                continue  # this moment was not annotated
            boxes = [Box(numbers[name], box.x, box.y, box.w, box.h) for name, box in named]
            rows.append(placing.labelled(frame, UNSPLIT, boxes))
    return _Table(VIDEO_TABLE, classes, rows)


def _counted(
    documented: Mapping[str, VideoAnnotation],
    table: _Table,
    items: dict[str, Item],
    veiled: dict[str, list[LabelledRow]],
) -> list[str]:
    """Say for each video of a document how many of its veiled frames are labelled, and how many of those as empty."""
    rows = {row.sample_id: row for row in table.rows}
    notes = []
    for url, video in documented.items():
        frames = veiled.get(items[url].source, []) if url in items else []
        labelled = [rows[frame.sample_id] for frame in frames if frame.sample_id in rows]
        empty = sum(not row.boxes for row in labelled)
        notes.append(
            f"{url}: {len(labelled)} of {len(frames)} veiled frames labelled by {video.where}, {empty} of them as empty"
        )
    return notes


def _write(worker: SegmentWorker, table: _Table, version: str | None) -> str:
    """Write under the wanted version; unnumbered, under the first number that is free or has this very content."""
    number = 1
    while True:
        name = f"{table.name}-{version or f'v{number}'}"
        try:
            write_labels(worker.store, name, table.classes, worker.veil.veil_id, table.rows)
        except ConflictError:
            if version is not None:
                raise
            number += 1
        else:
            return name


def _veiled_frames(worker: SegmentWorker) -> dict[str, list[LabelledRow]]:
    """All veiled frames by source, read from the shards without their codes."""
    frames: dict[str, list[LabelledRow]] = {}
    reader = ShardReader(worker.settings.out, encryption=worker.data_key)
    for batch in reader.iterate(columns=tuple(LabelledRow.__dataclass_fields__), batch_size=4096):
        for row in batch.rows.to_pylist():
            frames.setdefault(row["source"], []).append(LabelledRow(**row))
    return frames


def _read_videos(
    items: Iterable[Item], documented: Mapping[str, VideoAnnotation], problems: list[str]
) -> dict[str, VideoLabels]:
    """Labels of the videos that have some, by the video's URL."""
    by_url: dict[str, VideoLabels] = {}
    for item in items:
        if item.kind is not SourceKind.VIDEO:
            continue
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
