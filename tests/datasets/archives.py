"""A small archive of two sites whose versions differ in every way that a diff names."""

from collections.abc import Mapping
from pathlib import Path

from raypp.geometry.boxes import Box
from raypp.shards.encryption import DataKey
from raypp.shards.labels import LabelTable, SampleLabels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from tests.shards.archives import VEIL_ID, header, row, write_segment

HAMMER, DRILL = Box(0, 0.5, 0.5, 0.1, 0.1), Box(1, 0.2, 0.2, 0.1, 0.1)
TRAIN, VAL = "train", "val"


def grow(store: Store, source: int, site: str = "plant", frames: int = 4) -> None:
    """Add a video of some frames, and compile the manifest."""
    numbers = range(source * 10, source * 10 + frames)
    rows = [row(number, f"video-{source}", site=site, timestamp_us=(number % 10) * 40_000) for number in numbers]
    write_segment(store, source, rows, encryption=store.data_key)
    compile_manifest(store, header(encrypted=store.data_key is not None))


def label(
    store: Store, version: str, rows: Mapping[int, tuple[str, tuple[Box, ...]]], classes: tuple[str, ...]
) -> LabelTable:
    """Write a label version: split and boxes by number of frame."""
    values = [SampleLabels(f"{number:032x}", split, boxes) for number, (split, boxes) in rows.items()]
    return write_labels(store, version, classes, VEIL_ID, values)


def sample_archive(folder: Path, key: DataKey | None = None) -> Store:
    """Make an archive of two videos with labels `video-v1`."""
    store = Store(str(folder / "veiled"), key)
    store.write_atomic(HEADER_FILE, header(encrypted=key is not None).to_bytes())
    grow(store, 0)
    grow(store, 1)
    label(store, "video-v1", {0: (TRAIN, (HAMMER,)), 1: (TRAIN, (HAMMER, DRILL)), 10: (VAL, ())}, ("hammer", "drill"))
    return store
