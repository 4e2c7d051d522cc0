"""Views of veiled archives: frames and their codes, labels, boxes, sources, segments; the veil's key is not needed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from raypp.errors import ShardError
from raypp.io.filesystem import is_url
from raypp.shards.encryption import DataKey
from raypp.shards.labels import LABEL_COLUMNS, LabelTable, list_versions, only_version, read_labels
from raypp.shards.reader import ShardReader, open_shard
from raypp.shards.schema import SHARD_SCHEMA
from raypp.sql.view import SqlView
from raypp.text.address import redacted

_OPENED_TOGETHER = 16

_ARCHIVE = pa.field("archive", pa.string())
_ROWS = pa.schema([_ARCHIVE, *SHARD_SCHEMA])
_LABELS = pa.schema(
    [_ARCHIVE, ("labels_version", pa.string()), ("sample_id", pa.string()), *LABEL_COLUMNS, ("variant", pa.int8())]
)
_BOXES = pa.schema(
    [
        *(_ARCHIVE, ("labels_version", pa.string()), ("sample_id", pa.string()), ("split", pa.string())),
        *(("class_id", pa.int32()), ("class", pa.string())),
        *((side, pa.float64()) for side in ("x", "y", "w", "h")),
        ("variant", pa.int8()),
    ]
)
_SOURCES = pa.schema(
    [_ARCHIVE, ("source", pa.string()), ("segments", pa.int64()), ("damaged", pa.bool_()), ("quarantined", pa.string())]
)
_SEGMENTS = pa.schema(
    [
        *(_ARCHIVE, ("segment_id", pa.string()), ("shard", pa.string()), ("shard_bytes", pa.int64())),
        *(("frames", pa.int64()), ("variants", pa.int64()), ("part", pa.int32()), ("parts", pa.int32())),
        *(("first_timestamp_us", pa.int64()), ("last_timestamp_us", pa.int64()), ("damaged_packets", pa.int64())),
    ]
)
_FRAMES = (
    "select * exclude (variant, code), make_timestamptz(captured_at_us) as captured_at, code from {rows} "
    "where variant = 0"
)
_VARIANTS = "select * exclude (variants) from {rows} where variant > 0"
_LABELLED = "select * exclude (variant), len(boxes) as box_count from {rows} where variant = 0"
_BOXED = "select * exclude (variant) from {rows} where variant = 0"


class ArchiveRows:
    """Rows of some finished archives, as they stand in their manifests: what was forgotten is in none.

    Args:
        archives: folders or URLs.
        data_key: of those that are encrypted, or None.
        versions: label versions to read; none: the only one of each archive.

    Raises:
        ShardError: if one is no finished archive, is encrypted and no key was given, or lacks a label version.
    """

    def __init__(self, archives: Sequence[str], data_key: DataKey | None, versions: Sequence[str] = ()) -> None:
        self._data_key = data_key
        # As they may be shown: a URL may hold a password.
        self._readers = {redacted(archive): ShardReader(archive, data_key) for archive in archives}
        self._versions = tuple(versions)
        for version in versions:
            self._check_version(version)

    def _check_version(self, version: str) -> None:
        there = {name for reader in self._readers.values() for name in list_versions(reader.store)}
        if version not in there:
            raise ShardError(
                f"{', '.join(self._readers)}: no label version {version}; there are: "
                f"{', '.join(sorted(there)) or 'none'}"
            )

    def views(self) -> tuple[SqlView, ...]:
        """Return the views; nothing but manifests has been read yet."""
        return (
            SqlView("frames", "a veiled frame, without variants", _ROWS, self._rows, _FRAMES),
            SqlView("variants", "a variant of a veiled frame", _ROWS, self._rows, _VARIANTS),
            SqlView("labels", "a labelled frame, without variants", _LABELS, self._labels, _LABELLED),
            SqlView("boxes", "a box on a labelled frame, in fractions of the square", _BOXES, self._boxes, _BOXED),
            SqlView("sources", "a video or image, as the archive names it", _SOURCES, self._sources),
            SqlView("segments", "a segment with its shard", _SEGMENTS, self._segments),
        )

    def _rows(self) -> ds.Dataset:
        return self._dataset

    @cached_property
    def _dataset(self) -> ds.Dataset:
        """All shards as one dataset, of which only the columns and row groups that a query needs are read."""
        parts = [self._dataset_of(archive, reader) for archive, reader in self._readers.items()]
        return ds.dataset(parts) if len(parts) > 1 else parts[0]

    def _dataset_of(self, archive: str, reader: ShardReader) -> ds.Dataset:
        store, key = reader.store, self._data_key if reader.header.encrypted else None
        options = ds.ParquetFragmentScanOptions(
            pre_buffer=is_url(store.root), decryption_properties=key.decryption() if key else None
        )
        form = ds.ParquetFileFormat(default_fragment_scan_options=options)
        named = ds.field("archive") == archive

        def fragment(relative: str) -> ds.Fragment:
            open_shard(store, relative, reader.header, key).close(force=True)
            return form.make_fragment(store.path_of(relative), store.filesystem, named)

        with ThreadPoolExecutor(_OPENED_TOGETHER if is_url(store.root) else 1) as threads:
            fragments = list(threads.map(fragment, reader.shards))
        return ds.FileSystemDataset(fragments, _ROWS, form, store.filesystem)

    @cached_property
    def _tables(self) -> list[tuple[str, LabelTable]]:
        tables = []
        for archive, reader in self._readers.items():
            there = list_versions(reader.store)
            wanted = [name for name in there if name in self._versions] if self._versions else _only(archive, there)
            tables += [(archive, read_labels(reader.store, name)) for name in wanted]
        return tables

    def _labels(self) -> pa.Table:
        parts = [_LABELS.empty_table()]
        for archive, table in self._tables:
            columns = {name: table.columns[name] for name in table.columns.column_names}
            parts.append(_filled(_LABELS, len(table.columns), archive=archive, labels_version=table.version, **columns))
        return pa.concat_tables(parts)

    def _boxes(self) -> pa.Table:
        parts = [_BOXES.empty_table()]
        for archive, table in self._tables:
            labels = table.columns
            boxes, at = pc.list_flatten(labels["boxes"]), pc.list_parent_indices(labels["boxes"])
            columns = {name: pc.struct_field(boxes, name) for name in ("class_id", "x", "y", "w", "h")}
            columns |= {name: labels[name].take(at) for name in ("sample_id", "split", "variant")}
            columns["class"] = pa.array(table.classes, pa.string()).take(columns["class_id"].combine_chunks())
            parts.append(_filled(_BOXES, len(at), archive=archive, labels_version=table.version, **columns))
        return pa.concat_tables(parts)

    def _sources(self) -> pa.Table:
        rows = []
        for archive, reader in self._readers.items():
            receipts = reader.manifest.receipts
            damaged = {source for receipt in receipts for source in receipt.damaged}
            reasons = {item.source: item.reason for receipt in receipts for item in receipt.quarantined}
            segments: dict[str, int] = dict.fromkeys(reasons, 0)
            for receipt in receipts:
                for source in receipt.sources:
                    segments[source] = segments.get(source, 0) + 1
            rows += [
                (archive, source, number, source in damaged, reasons.get(source))
                for source, number in sorted(segments.items())
            ]
        return _table(_SOURCES, rows)

    def _segments(self) -> pa.Table:
        rows = [
            (archive, *(getattr(receipt, name) for name in _receipt_names()))
            for archive, reader in self._readers.items()
            for receipt in reader.manifest.receipts
        ]
        return _table(_SEGMENTS, [(*row[:4], row[4] - row[5], *row[5:]) for row in rows])


def _receipt_names() -> list[str]:
    return [name for name in _SEGMENTS.names if name != _ARCHIVE.name]


def _only(archive: str, there: Sequence[str]) -> Sequence[str]:
    return [only_version(archive, there)] if there else []


def _filled(schema: pa.Schema, rows: int, **columns: Any) -> pa.Table:
    """Return columns in the order of a schema; a text alone fills all rows of its column."""
    arrays = [pa.repeat(value, rows) if isinstance(value := columns[name], str) else value for name in schema.names]
    return pa.table(arrays, schema=schema)


def _table(schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
