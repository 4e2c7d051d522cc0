"""Small archives of a learned veil: things of two classes on a ground, as names that each sub-key has of its own."""

from pathlib import Path

import numpy as np

from raypp.geometry.boxes import Box
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.schema import HEADER_FILE, ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.synthesis.rows import write_segment
from raypp.veil.packing import pack
from raypp.veil.spec import LearnedSpec, PatchSpec, VeilSpec

CLASSES = ("bolt", "nut")
SIZE, CHANNELS, BITS = 64, 2, 2
WIDTH, HEIGHT = 320, 200
"""A window of 8 x 5 cells, in rows 1 to 5."""


def learned_spec(sub_keys: int = 1) -> LearnedSpec:
    return LearnedSpec(patch=8, channels=CHANNELS, bits=BITS, sub_keys=sub_keys, encoder="ab" * 16)


def patch_spec(sub_keys: int) -> PatchSpec:
    return PatchSpec(patch=8, channels=CHANNELS, bits=BITS, sub_keys=sub_keys, mix=1)


def header_of(spec: VeilSpec, public_key: str = "00" * 32) -> ArchiveHeader:
    return ArchiveHeader(
        veil_id="cd" * 16,
        spec=spec.model_dump(mode="json"),
        public_key=public_key,
        size=SIZE,
        sampling="every",
        source_names="pseudonym",
        encrypted=False,
    )


def thing(number: int) -> tuple[np.ndarray, tuple[Box, ...]]:
    """Codes of a frame, uint8[C, 5, 8], and its boxes: ground is all 0 or all 1, a bolt (2, 2), a nut (2, 3)."""
    random = np.random.default_rng(number)
    codes = np.full((CHANNELS, 5, 8), random.integers(0, 2), dtype=np.uint8)
    class_id = number % 2
    row, column = int(random.integers(0, 4)), int(random.integers(0, 7))
    codes[0, row : row + 2, column : column + 2] = 2
    codes[1, row : row + 2, column : column + 2] = 2 + class_id
    return codes, (Box(class_id, (column + 1) / 8, (row + 2) / 8, 2 / 8, 2 / 8),)


def renamed(codes: np.ndarray, sub_key: int) -> np.ndarray:
    """The same frame under another sub-key: its channels in the other order, and other names."""
    return codes if not sub_key else 3 - codes[::-1]


def write_real(
    root: Path,
    train: int = 240,
    val: int = 40,
    spec: VeilSpec | None = None,
    rare: int = 0,
    public_key: str = "00" * 32,
) -> Path:
    """Write an archive with labels `things`; `rare` frames hold a box of a third class."""
    spec = spec or learned_spec()
    store, header = Store(str(root)), header_of(spec, public_key)
    store.write_atomic(HEADER_FILE, header.to_bytes())
    rows, labels = [], []
    for number in range(train + val):
        codes, boxes = thing(number)
        sub_key = number % spec.sub_keys
        if number < rare:
            boxes = (*boxes, Box(2, 0.5, 0.5, 0.2, 0.2))
        rows.append(
            ShardRow(
                sample_id=f"{number:032x}",
                site="plant",
                camera="gate",
                source=f"image-{number}",
                frame_index=0,
                timestamp_us=0,
                captured_at_us=None,
                sub_key=sub_key,
                code=pack(renamed(codes, sub_key), BITS),
                width=WIDTH,
                height=HEIGHT,
            )
        )
        labels.append(SampleLabels(rows[-1].sample_id, "train" if number < train else "val", boxes))
    for start in range(0, len(rows), 100):
        receipt = write_segment(store, header, None, f"{start:032x}", rows[start : start + 100])
        assert isinstance(receipt, Receipt)
    compile_manifest(store, header)
    classes = (*CLASSES, "washer") if rare else CLASSES
    write_labels(store, "things", classes, header.veil_id, labels)
    return root
