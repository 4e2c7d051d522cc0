"""The rows of a query as files: CSV, JSON and Parquet, each whole or not at all, and never held as a whole."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import OptionError
from raypp.io.atomic import whole_file
from raypp.sql.engine import QueryRows
from raypp.text.csv_cells import as_cell
from raypp.text.printable import printable
from raypp.text.wording import byte_size


def check_columns(schema: pa.Schema) -> None:
    """Raise OptionError if two columns of a query have the same name, which a file could not tell apart."""
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise OptionError(f"the query gives two columns named {twice[0]}; name one of them anew by AS")


def rows_of(rows: QueryRows) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query as Python values."""
    for batch in rows.batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def rows_as_csv(rows: QueryRows) -> Iterator[str]:
    """Yield rows as CSV (RFC 4180), part by part: none is an empty cell, bytes are hex, lists and structs are JSON."""
    yield _csv_line(rows.schema.names)
    for row in rows_of(rows):
        yield _csv_line([as_cell(_cell(value)) for value in row])


def rows_as_json(rows: QueryRows) -> Iterator[str]:
    """Yield rows as a JSON array of objects, part by part; NaN and infinity, which JSON lacks, become null."""
    before = "[\n"
    for row in rows_of(rows):
        yield before + json.dumps(dict(zip(rows.schema.names, map(plain_value, row), strict=True)))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def write_parquet(rows: QueryRows, path: Path) -> None:
    """Write rows as Parquet.

    Raises:
        OptionError: if it cannot be written, or is a pipe, a device or a link, which cannot be written whole.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OptionError(f"`parquet` {path} is no file; name one that may be written")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as part, pq.ParquetWriter(part, rows.schema, compression="zstd") as writer:
            for batch in rows.batches:
                writer.write_batch(batch)
    except (OSError, pa.ArrowException) as error:
        reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        raise OptionError(f"`parquet` {path}: {reason}; name a file that may be written") from None


def plain_value(value: Any) -> Any:
    """Return a value of a query as JSON has it: times in ISO 8601, bytes as hex, maps as objects."""
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list):
        is_map = bool(value) and all(isinstance(item, tuple) for item in value)
        return plain_value(dict(value)) if is_map else [plain_value(item) for item in value]
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    match value:
        case float() if not isfinite(value):
            return None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case bytes():
            return value.hex()
        case datetime() | date() | time():
            return value.isoformat()
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def shown_value(value: Any) -> str:
    """Return a value as a person reads it: bytes by their number, nothing as nothing, and no control characters."""
    if isinstance(value, bytes):
        return byte_size(len(value))
    plain = plain_value(value)
    return "" if value is None else printable(plain if isinstance(plain, str) else json.dumps(plain))


def is_number(kind: pa.DataType) -> bool:
    """Whether a column is one of numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _cell(value: Any) -> Any:
    plain = plain_value(value)
    return json.dumps(plain) if isinstance(plain, dict | list) else plain


def _csv_line(cells: list[Any]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue()
