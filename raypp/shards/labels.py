"""Label tables: beside the shards, keyed by sample_id, with versions, so that relabelling never touches a shard."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, Field

from raypp.errors import ConflictError, LabelError, ShardError
from raypp.geometry.boxes import Box
from raypp.io.json import read_json
from raypp.shards.manifest import Manifest, encryption_of
from raypp.shards.schema import HEADER_FILE, METADATA_KEY, ArchiveHeader
from raypp.shards.store import Store
from raypp.text.names import MOST_NAMES

LABEL_FOLDER = "labels"
_BOX = pa.struct(
    [("class_id", pa.int32()), ("x", pa.float64()), ("y", pa.float64()), ("w", pa.float64()), ("h", pa.float64())]
)
LABEL_COLUMNS = (pa.field("split", pa.string()), pa.field("boxes", pa.list_(_BOX)))
"""Rows that a label version adds to a frame."""
_SCHEMA = pa.schema([("sample_id", pa.string()), *LABEL_COLUMNS, ("variant", pa.int8())])


@dataclass(frozen=True)
class SampleLabels:
    """Labels of one frame: its split, and its boxes; none for a frame that was looked at and is empty.

    Boxes are fractions of the letterboxed square.

    `variant` is 0 for the frame itself, else the number of the variant of it that these labels are of.
    """

    sample_id: str
    split: str
    boxes: tuple[Box, ...]
    variant: int = 0


@dataclass(frozen=True, repr=False)
class LabelTable:
    """One version of labels.

    Attributes:
        version: its name.
        classes: names of the classes, by class_id.
        veil_id: veil of the archive.
        rows: labels, sorted by sample_id.
    """

    version: str
    classes: tuple[str, ...]
    veil_id: str
    rows: tuple[SampleLabels, ...]

    def __repr__(self) -> str:
        splits = Counter(row.split for row in self.rows)
        counts = ", ".join(f"{count} {split}" for split, count in sorted(splits.items()))
        return f"<LabelTable {self.version}: {counts or 'no frames'}; classes {', '.join(self.classes)}>"

    @property
    def digest(self) -> str:
        """SHA-256 of the table's canonical content, hex."""
        # Not over the Parquet bytes: those name the writing library's version.
        rows = [(row.sample_id, row.split, [astuple(box) for box in row.boxes], row.variant) for row in self.rows]
        content = [self.version, self.classes, self.veil_id, rows]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()

    def by_sample(self) -> dict[str, SampleLabels]:
        """Return the rows by their sample_id."""
        return {row.sample_id: row for row in self.rows}


def write_labels(
    store: Store, version: str, classes: Sequence[str], veil_id: str, rows: Sequence[SampleLabels]
) -> LabelTable:
    """Write a label version; writing the same content again changes nothing.

    Raises:
        ConflictError: if the version exists with other content: versions are never changed.
        LabelError: if the name cannot be a folder, a sample is labelled twice, or a class is out of range.
    """
    if not version or any(character in version for character in "/\\\0") or version.startswith("."):
        raise LabelError(f"label version {version!r} must be a plain name; choose letters, digits, dashes")
    ordered = tuple(sorted(rows, key=lambda row: row.sample_id))
    for before, after in pairwise(ordered):
        if before.sample_id == after.sample_id:
            raise LabelError(f"label version {version} labels sample {after.sample_id} twice; remove one")
    for row in ordered:
        for box in row.boxes:
            if not 0 <= box.class_id < len(classes):
                raise LabelError(f"sample {row.sample_id}: class {box.class_id} of {len(classes)}; correct the label")
    table = LabelTable(version, tuple(classes), veil_id, ordered)
    relative = _path(version)
    if store.exists(relative):
        if read_labels(store, version) != table:
            raise ConflictError(f"label version {version} exists with other content; choose another name")
        return table
    store.write_atomic(relative, _to_parquet(table, _encryption(store)))
    return table


def read_labels(store: Store, version: str) -> LabelTable:
    """Read a label version; raises ShardError if it is missing (naming those there are) or damaged."""
    if not store.exists(_path(version)):
        there = ", ".join(list_versions(store)) or "none"
        raise ShardError(f"archive {store.root} has no label version {version}; there are: {there}")
    try:
        table = store.read_table(_path(version))
        about = _About.model_validate(read_json((table.schema.metadata or {})[METADATA_KEY]))
        return LabelTable(about.version, about.classes, about.veil_id, _rows(table, len(about.classes)))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise ShardError(f"label table {store.root}/{_path(version)} is damaged; write that version again") from None


class _About(BaseModel):
    """A label table's own description, as JSON in its metadata."""

    version: str
    classes: tuple[str, ...] = Field(max_length=MOST_NAMES)
    veil_id: str


def _rows(table: pa.Table, classes: int) -> tuple[SampleLabels, ...]:
    """The rows of a table that others may have written; raises TypeError or ValueError."""
    if not table.schema.equals(_SCHEMA):
        raise TypeError(table.schema.names)
    return tuple(_row(row, classes) for row in table.to_pylist())


def _row(row: dict[str, Any], classes: int) -> SampleLabels:
    boxes = tuple(Box(**box) for box in row["boxes"])
    for box in boxes:
        if not 0 <= box.class_id < classes or not all(0 <= side <= 1 for side in (box.x, box.y, box.w, box.h)):
            raise ValueError(box)
    if row["sample_id"] is None or row["split"] is None or row["variant"] is None:
        raise TypeError(row)
    return SampleLabels(row["sample_id"], row["split"], boxes, row["variant"])


def label_columns(rows: Sequence[SampleLabels]) -> tuple[pa.Array, pa.Array]:
    """Return labels as the columns `LABEL_COLUMNS`, in row order."""
    split, boxes = LABEL_COLUMNS
    return (
        pa.array([row.split for row in rows], type=split.type),
        pa.array([[vars(box) for box in row.boxes] for row in rows], type=boxes.type),
    )


def list_versions(store: Store) -> list[str]:
    """Return the names of all label versions, sorted."""
    return sorted({name.split("/")[1] for name in store.listing(LABEL_FOLDER)})


def only_version(root: str, there: Sequence[str]) -> str:
    """Return the one label version of an archive; raises LabelError if it has none, or several to choose from."""
    if not there:
        raise LabelError(
            f"archive {root} has no labels yet; whoever veils it adds them and runs `raypp veil` again "
            "(docs/reference/labels.md)"
        )
    if len(there) > 1:
        raise LabelError(f"archive {root} has label versions {', '.join(there)}; choose one by `labels_version`")
    return there[0]


def dataset_version(manifest: Manifest, labels: LabelTable) -> str:
    """Name of exactly these shards with these labels, 32 hex digits; every checkpoint carries it."""
    return hashlib.sha256(f"{manifest.digest} {labels.digest}".encode()).hexdigest()[:32]


def _path(version: str) -> str:
    return f"{LABEL_FOLDER}/{version}/labels.parquet"


def _encryption(store: Store) -> Any:
    """Return how the archive's tables are encrypted; None where they are open, or without a header."""
    if not store.exists(HEADER_FILE):
        return None
    return encryption_of(store, ArchiveHeader.from_bytes(store.read(HEADER_FILE), HEADER_FILE))


def _to_parquet(table: LabelTable, encryption: Any) -> bytes:
    about = {"version": table.version, "classes": table.classes, "veil_id": table.veil_id}
    schema = _SCHEMA.with_metadata({METADATA_KEY: json.dumps(about, sort_keys=True).encode()})
    samples = pa.array([row.sample_id for row in table.rows], type=pa.string())
    buffer = io.BytesIO()
    variants = pa.array([row.variant for row in table.rows], type=pa.int8())
    columns = pa.Table.from_arrays([samples, *label_columns(table.rows), variants], schema=schema)
    pq.write_table(columns, buffer, version="2.6", compression="zstd", encryption_properties=encryption)
    return buffer.getvalue()
