"""The rows of a query as a folder of Parquet files, one for each value of a column, in the names of Hive."""

import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raypp.errors import OptionError
from raypp.io.atomic import PART_SUFFIX, write_bytes
from raypp.sql.engine import QueryRows

_FILE = "rows.parquet"
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class PartitionChanges:
    """Count what a folder of partitions was changed by.

    Attributes:
        written: partitions that are new, or have other rows than before.
        unchanged: partitions that are as they were; their files were not touched.
        removed: partitions of which the query gives no row any more.
    """

    written: int
    unchanged: int
    removed: int


def write_partitions(rows: QueryRows, folder: Path, column: str) -> PartitionChanges:
    """Bring a folder to exactly the rows of a query: files `COLUMN=VALUE/rows.parquet`, each whole or not at all.

    Only what differs is written. All rows are held in memory.

    Args:
        rows: of the query.
        folder: made where it is not there; it holds nothing but partitions by this column.
        column: a column of dates, whole numbers or texts.

    Raises:
        OptionError: if there is no such column, the folder holds something else, or it cannot be written.
    """
    if column not in rows.schema.names:
        raise OptionError(f"`by` {column}: the query gives no such column; it gives {', '.join(rows.schema.names)}")
    table = pa.Table.from_batches(list(rows.batches), rows.schema)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _partitions_in(folder, column)
        changes = {_name(column, value): _write(table, column, value, folder) for value in _values(table[column])}
        gone = sorted(before - changes.keys())
        for name in gone:
            (folder / name / _FILE).unlink(missing_ok=True)
            (folder / name).rmdir()
    except OSError as error:
        raise OptionError(f"`partitions` {folder}: {error.strerror}; name a folder you may write to") from None
    return PartitionChanges(sum(changes.values()), len(changes) - sum(changes.values()), len(gone))


def _partitions_in(folder: Path, column: str) -> set[str]:
    """Name the partitions of a folder, and remove what killed processes left in them."""
    for path in folder.iterdir():
        within = sorted(path.iterdir()) if path.is_dir() else [path]
        left = [part for part in within if part.name.startswith(f".{_FILE}") and part.name.endswith(PART_SUFFIX)]
        others = [part for part in within if part not in left and part.name != _FILE]
        if others or not path.name.startswith(f"{column}="):
            raise OptionError(
                f"`partitions` {folder} holds {(others or [path])[0].name}, which is no partition by {column}; "
                "name another folder"
            )
        for part in left:
            part.unlink()
    return {path.name for path in folder.iterdir()}


def _values(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = column.unique().to_pylist()
    for value in values:
        if not isinstance(value, date | int | str | None):
            raise OptionError(f"`by`: partitions are by dates, whole numbers or texts, not {column.type}")
    return values


def _name(column: str, value: Any) -> str:
    return f"{column}={_NULL if value is None else quote(str(value), safe='')}"


def _write(table: pa.Table, column: str, value: Any, folder: Path) -> bool:
    """Write one partition, and return whether it was not as it is now."""
    wanted = pc.is_null(table[column]) if value is None else pc.equal(table[column], pa.scalar(value))
    buffer = io.BytesIO()
    pq.write_table(table.filter(wanted).drop_columns([column]).combine_chunks(), buffer, compression="zstd")
    path = folder / _name(column, value) / _FILE
    if path.exists() and path.read_bytes() == buffer.getvalue():
        return False
    path.parent.mkdir(exist_ok=True)
    write_bytes(path, buffer.getvalue(), durable=True)
    return True
