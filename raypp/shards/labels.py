"""Label tables: beside the shards, keyed by sample_id, with versions, so that relabelling never touches a shard."""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
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
_ROWS_AT_ONCE = 4096
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
    """One version of labels, in columns: an object for each of its rows would take several times their memory.

    Attributes:
        version: its name.
        classes: names of the classes, by class_id.
        veil_id: veil of the archive.
        columns: `sample_id`, `split`, `boxes` and `variant`, in the order in which they were stored: by sample_id.
    """

    version: str
    classes: tuple[str, ...]
    veil_id: str
    columns: pa.Table

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {split}" for split, count in sorted(_counts(self.columns).items()))
        return f"<LabelTable {self.version}: {counts or 'no frames'}; classes {', '.join(self.classes)}>"

    @property
    def rows(self) -> tuple[SampleLabels, ...]:
        """Labels as values, made anew each time."""
        return label_rows(self.columns)

    @property
    def splits(self) -> dict[str, int]:
        """Number of labelled frames by split; a frame with variants counts once."""
        return _counts(self.columns.filter(pc.equal(self.columns["variant"], 0)))

    @property
    def digest(self) -> str:
        """SHA-256 of the table's canonical content, hex."""
        # Not over the Parquet bytes: those name the writing library's version.
        digest = hashlib.sha256(_compact([self.version, self.classes, self.veil_id])[:-1] + b",[")
        for number, rows in enumerate(_values(self.columns)):
            digest.update(b"," * bool(number) + _compact(rows)[1:-1])
        digest.update(b"]]")
        return digest.hexdigest()

    def by_sample(self) -> dict[str, SampleLabels]:
        """Return the rows by their sample_id."""
        return {row.sample_id: row for row in self.rows}


def write_labels(
    store: Store, version: str, classes: Sequence[str], veil_id: str, rows: Iterable[SampleLabels] | pa.Table
) -> LabelTable:
    """Write a label version; writing the same content again changes nothing.

    Args:
        store: the archive.
        version: its name.
        classes: names of the classes, by class_id.
        veil_id: veil of the archive.
        rows: labels in any order, or the columns that `label_columns` makes of them.

    Raises:
        ConflictError: if the version exists with other content: versions are never changed.
        LabelError: if the name cannot be a folder, a sample is labelled twice, or a class is out of range.
    """
    if not version or any(character in version for character in "/\\\0") or version.startswith("."):
        raise LabelError(f"label version {version!r} must be a plain name; choose letters, digits, dashes")
    columns = rows if isinstance(rows, pa.Table) else label_columns(rows)
    ordered = columns.sort_by("sample_id").combine_chunks()
    _check_columns(ordered, version, len(classes))
    table = LabelTable(version, tuple(classes), veil_id, ordered)
    relative = _path(version)
    if store.exists(relative):
        if read_labels(store, version) != table:
            raise ConflictError(f"label version {version} exists with other content; choose another name")
        return table
    store.write_atomic(relative, _to_parquet(table, _encryption(store)))
    return table


def replace_labels(store: Store, table: LabelTable) -> None:
    """Write a label version over what it was, since frames of it were forgotten; without rows, delete it.

    Raises:
        ShardError: if it cannot be written.
    """
    if table.columns.num_rows:
        store.write_atomic(_path(table.version), _to_parquet(table, _encryption(store)))
    else:
        store.remove([_path(table.version)])


def _check_columns(columns: pa.Table, version: str, classes: int) -> None:
    """Raise LabelError if a sample of sorted rows is labelled twice, or a class is out of range."""
    samples, boxes = columns["sample_id"], columns["boxes"]
    twice = pc.index(pc.equal(samples.slice(1), samples.slice(0, max(len(samples) - 1, 0))), value=True).as_py()
    if twice >= 0:
        raise LabelError(f"label version {version} labels sample {samples[twice]} twice; remove one")
    class_ids = pc.struct_field(pc.list_flatten(boxes), "class_id")
    outside = pc.index(pc.or_(pc.less(class_ids, 0), pc.greater_equal(class_ids, classes)), value=True).as_py()
    if outside >= 0:
        sample = samples[pc.list_parent_indices(boxes)[outside].as_py()]
        raise LabelError(f"sample {sample}: class {class_ids[outside]} of {classes}; correct the label")


def read_labels(store: Store, version: str) -> LabelTable:
    """Read a label version; raises ShardError if it is missing (naming those there are) or damaged."""
    if not store.exists(_path(version)):
        there = ", ".join(list_versions(store)) or "none"
        raise ShardError(f"archive {store.root} has no label version {version}; there are: {there}")
    try:
        table = store.read_table(_path(version))
        about = _About.model_validate(read_json((table.schema.metadata or {})[METADATA_KEY]))
        return LabelTable(about.version, about.classes, about.veil_id, _checked(table, len(about.classes)))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise ShardError(f"label table {store.root}/{_path(version)} is damaged; write that version again") from None


class _About(BaseModel):
    """A label table's own description, as JSON in its metadata."""

    version: str
    classes: tuple[str, ...] = Field(max_length=MOST_NAMES)
    veil_id: str


def _checked(table: pa.Table, classes: int) -> pa.Table:
    """The columns of a table that others may have written; raises ArrowException, TypeError or ValueError."""
    if not table.schema.equals(_SCHEMA):
        raise TypeError(table.schema.names)
    table.validate(full=True)
    columns = table.replace_schema_metadata().combine_chunks()
    boxes = pc.list_flatten(columns["boxes"])
    sides = [pc.struct_field(boxes, name) for name in ("class_id", "x", "y", "w", "h")]
    if any(values.null_count for values in (*columns.columns, boxes, *sides)):
        raise TypeError(table.schema.names)
    for values, most in zip(sides, (classes - 1, 1, 1, 1, 1), strict=True):
        numbers = values.to_numpy()
        if not ((numbers >= 0) & (numbers <= most)).all():
            raise ValueError(most)
    return columns


def label_rows(columns: pa.Table) -> tuple[SampleLabels, ...]:
    """Return rows of a label table's columns as values."""
    return tuple(
        SampleLabels(row["sample_id"], row["split"], tuple(Box(**box) for box in row["boxes"]), row["variant"])
        for row in columns.to_pylist()
    )


def label_columns(rows: Iterable[SampleLabels]) -> pa.Table:
    """Return labels in columns; of the values themselves only some thousands are kept at a time."""
    left = iter(rows)
    parts = [_SCHEMA.empty_table()]
    while some := list(islice(left, _ROWS_AT_ONCE)):
        parts.append(_columns(some))
    return pa.concat_tables(parts)


def _columns(rows: Sequence[SampleLabels]) -> pa.Table:
    split, boxes = LABEL_COLUMNS
    arrays = (
        pa.array([row.sample_id for row in rows], type=pa.string()),
        pa.array([row.split for row in rows], type=split.type),
        pa.array([[vars(box) for box in row.boxes] for row in rows], type=boxes.type),
        pa.array([row.variant for row in rows], type=pa.int8()),
    )
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)


def _values(columns: pa.Table) -> Iterator[list[Any]]:
    """The values of the rows, some rows at a time."""
    for start in range(0, len(columns), _ROWS_AT_ONCE):
        rows = columns.slice(start, _ROWS_AT_ONCE).to_pylist()
        yield [
            (row["sample_id"], row["split"], [tuple(box.values()) for box in row["boxes"]], row["variant"])
            for row in rows
        ]


def _compact(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _counts(columns: pa.Table) -> dict[str, int]:
    return {item["values"]: item["counts"] for item in pc.value_counts(columns["split"]).to_pylist()}


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
        raise LabelError(
            f"archive {root} has label versions {', '.join(there)}; choose one by `labels_version`, or join them by "
            "`raypp split`"
        )
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
    buffer = io.BytesIO()
    columns = table.columns.cast(schema)
    pq.write_table(columns, buffer, version="2.6", compression="zstd", encryption_properties=encryption)
    return buffer.getvalue()
