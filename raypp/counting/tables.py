"""Tables of a count: one row an image, one row an object."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.counting.counter import ImageCount, ImageCounter
from raypp.counting.summary import class_total
from raypp.errors import OptionError

IMAGES_FILE, OBJECTS_CSV, OBJECTS_PARQUET = "images.csv", "objects.csv", "objects.parquet"
OBJECTS = pa.schema(
    [
        pa.field("image", pa.string(), nullable=False),
        pa.field("class", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        *(pa.field(f"{edge}_px", pa.float64(), nullable=False) for edge in ("left", "top", "right", "bottom")),
        pa.field("diameter", pa.float64(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("aspect", pa.float64(), nullable=False),
        pa.field("members", pa.int64(), nullable=True),
    ]
)
_DIGITS = 3


def write_tables(folder: Path, counter: ImageCounter, counts: Sequence[ImageCount]) -> None:
    """Write `images.csv`, `objects.csv` and `objects.parquet` into a folder that is there; raises OSError."""
    names = counter.rules.classes
    header = ["image", "width_px", "height_px", "status"]
    for name in names:
        header += [f"{name}", f"{name}_low", f"{name}_high", f"{name}_d10", f"{name}_d50", f"{name}_d90"]
    rows = [_image_row(counter, count) for count in counts]
    objects = _object_rows(counter, counts)
    _write_csv(folder / IMAGES_FILE, header, rows)
    _write_csv(folder / OBJECTS_CSV, OBJECTS.names, objects)
    columns = zip(*objects, strict=True) if objects else ([] for _ in OBJECTS)
    arrays = [pa.array(list(column), kind.type) for column, kind in zip(columns, OBJECTS, strict=True)]
    pq.write_table(pa.Table.from_arrays(arrays, schema=OBJECTS), folder / OBJECTS_PARQUET)


def read_objects(folder: Path) -> pa.Table:
    """Read the objects of a count.

    Raises:
        OptionError: if the folder holds no such table.
    """
    path = folder / OBJECTS_PARQUET
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException):
        trouble = "is no table" if path.exists() else "is not there"
        raise OptionError(f"{path} {trouble}; give a folder that `raypp count images --out` wrote") from None
    if table.schema.names != OBJECTS.names:
        raise OptionError(f"{path} has other columns than a count of this version; count again")
    return table.cast(OBJECTS)


def _write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *([_safe(value) for value in row] for row in rows)])


def _safe(value: object) -> object:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" else value


def _image_row(counter: ImageCounter, count: ImageCount) -> list[object]:
    row: list[object] = [count.name, count.width, count.height, count.cannot_tell or "counted"]
    for name in counter.rules.classes:
        if count.cannot_tell:
            row += [None] * 6
            continue
        total = class_total(counter, [count], name)
        sizes = (total.d10, total.d50, total.d90)
        row += [total.count, total.low, total.high, *(None if size is None else round(size, _DIGITS) for size in sizes)]
    return row


def _object_rows(counter: ImageCounter, counts: Sequence[ImageCount]) -> list[tuple[object, ...]]:
    return [
        (
            *(count.name, each.class_name, round(each.confidence, _DIGITS)),
            *(round(edge, 2) for edge in each.edges),
            *(round(each.diameter, _DIGITS), counter.scale.unit, round(each.aspect, _DIGITS), each.members),
        )
        for count in counts
        for each in count.objects
    ]
