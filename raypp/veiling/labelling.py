"""Label tables from the labels beside the sources: boxes into the letterboxed square, keyed by sample_id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from raypp.errors import ConflictError, LabelError, MediaError
from raypp.media.archive import Discovery
from raypp.media.dataset import TRAIN, Box, Dataset, parse_labels
from raypp.media.files import open_source
from raypp.media.geometry import Letterbox
from raypp.media.sidecar import Sidecar, read_sidecar
from raypp.media.source import SourceKind
from raypp.media.variants import Variant
from raypp.shards.labels import LabelBox, SampleLabels, write_labels
from raypp.shards.reader import ShardReader
from raypp.veiling.identity import variant_seed
from raypp.veiling.plan import Plan
from raypp.veiling.segment import Item, Workshop

SIDECAR_SUFFIX = ".labels.csv"
VIDEO_TABLE = "video"
UNSPLIT = "unsplit"
_SIDECAR_TOLERANCE_US = 20_000


@dataclass(frozen=True)
class _Table:
    name: str
    classes: tuple[str, ...]
    rows: list[SampleLabels]


@dataclass(frozen=True)
class _Veiled:
    """What a shard's row says of a frame or variant, without its code."""

    sample_id: str
    site: str
    source: str
    timestamp_us: int
    width: int
    height: int
    variant: int


def write_label_tables(
    discovery: Discovery, plan: Plan, workshop: Workshop, version: str | None
) -> tuple[list[str], list[str]]:
    """Write a label table for each labelled dataset, and one for all videos with sidecars.

    A label file that is malformed is left out with its reason; its picture then counts as not labelled.

    Args:
        discovery: the sources.
        plan: which source is which item.
        workshop: key and output.
        version: name of the new versions, or None to number them; labels that did not change keep their version.

    Returns:
        Names of the label versions that hold the present labels, and one line per label file left out.

    Raises:
        ConflictError: if `version` exists with other content.
    """
    problems: list[str] = []
    items = {item.url: item for item in plan.items().values()}
    sidecars = _read_sidecars(items.values(), problems)
    labelled = [one for one in discovery.datasets if any(image.label_url for image in one.images)]
    if not sidecars and not labelled:
        return [], problems
    veiled = _veiled_frames(workshop)
    tables = [_of_dataset(dataset, items, veiled, workshop, problems) for dataset in labelled]
    if sidecars:
        tables.append(_of_videos(sidecars, items, veiled, workshop))
    return [_write(workshop, table, version) for table in tables if table.rows], problems


def _of_dataset(
    dataset: Dataset,
    items: dict[str, Item],
    veiled: dict[str, list[_Veiled]],
    workshop: Workshop,
    problems: list[str],
) -> _Table:
    rows: list[SampleLabels] = []
    for image in dataset.images:
        item = items.get(image.file.url)
        frames = veiled.get(item.source, []) if item else []
        if not frames:
            continue  # quarantined, or left out by --limit
        try:
            boxes = parse_labels(_read(image.label_url), dataset.classes, image.label_url) if image.label_url else ()
        except (LabelError, MediaError) as error:
            problems.append(str(error))
            continue
        rows += [_labelled(one, image.split, boxes, workshop) for one in frames if _counts(one, image.split)]
    return _Table(dataset.name, dataset.classes, rows)


def _of_videos(
    sidecars: dict[str, Sidecar], items: dict[str, Item], veiled: dict[str, list[_Veiled]], workshop: Workshop
) -> _Table:
    classes = tuple(sorted({name for sidecar in sidecars.values() for name in sidecar.classes}))
    numbers = {name: number for number, name in enumerate(classes)}
    rows: list[SampleLabels] = []
    for url, sidecar in sidecars.items():
        for one in veiled.get(items[url].source, []):
            named = sidecar.boxes_at(one.timestamp_us, _SIDECAR_TOLERANCE_US)
            if named is None or not _counts(one, UNSPLIT):
                continue  # this moment was not annotated
            boxes = [Box(numbers[name], box.x, box.y, box.w, box.h) for name, box in named]
            rows.append(_labelled(one, UNSPLIT, boxes, workshop))
    return _Table(VIDEO_TABLE, classes, rows)


def _write(workshop: Workshop, table: _Table, version: str | None) -> str:
    """Write under the wanted version; unnumbered, under the first number that is free or has this very content."""
    number = 1
    while True:
        name = f"{table.name}-{version or f'v{number}'}"
        try:
            write_labels(workshop.store, name, table.classes, workshop.veil.veil_id, table.rows)
        except ConflictError:
            if version is not None:
                raise
            number += 1
        else:
            return name


def _veiled_frames(workshop: Workshop) -> dict[str, list[_Veiled]]:
    """All veiled frames by source, read from the shards without their codes."""
    frames: dict[str, list[_Veiled]] = {}
    reader = ShardReader(workshop.settings.out, encryption=workshop.data_key)
    for batch in reader.iterate(columns=tuple(_Veiled.__dataclass_fields__), batch_size=4096):
        for row in batch.rows.to_pylist():
            frames.setdefault(row["source"], []).append(_Veiled(**row))
    return frames


def _read_sidecars(items: Iterable[Item], problems: list[str]) -> dict[str, Sidecar]:
    """Label sidecars of the videos that have one, by the video's URL."""
    found: dict[str, Sidecar] = {}
    for item in items:
        if item.kind is not SourceKind.VIDEO:
            continue
        url = item.url.rpartition(".")[0] + SIDECAR_SUFFIX
        try:
            text = _read(url)
        except MediaError:
            continue  # most videos have none
        try:
            found[item.url] = read_sidecar(text, url)
        except LabelError as error:
            problems.append(str(error))
    return found


def _read(url: str) -> str:
    stream = open_source(url)
    try:
        return stream.read(stream.size).decode()
    except UnicodeDecodeError:
        raise LabelError(f"label file {url} is no UTF-8 text; export it again") from None
    finally:
        stream.close()


def _counts(frame: _Veiled, split: str) -> bool:
    """Whether a frame is labelled: variants only for training, should their picture be of another split by now."""
    return frame.variant == 0 or split == TRAIN


def _labelled(frame: _Veiled, split: str, boxes: Sequence[Box], workshop: Workshop) -> SampleLabels:
    """Labels of a frame or variant: boxes normalised to the source -> boxes normalised to the letterboxed square."""
    settings = workshop.settings
    letterbox = Letterbox(settings.size, settings.spec.patch, frame.width, frame.height)
    places = np.array([[box.x, box.y, box.w, box.h] for box in boxes], dtype=np.float64).reshape(-1, 4)
    kept = np.ones(len(boxes), dtype=np.bool_)
    if frame.variant:
        variant = Variant.of_seed(variant_seed(workshop.key, frame.site, frame.sample_id))
        places, kept = variant.boxes(places, letterbox.content_width, letterbox.content_height)
    moved = letterbox.normalised_to_square(places).tolist()
    found = tuple(LabelBox(box.class_id, *place) for box, place, stays in zip(boxes, moved, kept, strict=True) if stays)
    return SampleLabels(frame.sample_id, split, found, frame.variant)
