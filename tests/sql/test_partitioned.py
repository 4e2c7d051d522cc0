"""A folder of partitions holds exactly the rows of a query, and only what differs is written."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from raypp.errors import OptionError
from raypp.sql.engine import QueryRows
from raypp.sql.partitioned import PartitionChanges, write_partitions

_SCHEMA = pa.schema([("tool", pa.string()), ("day", pa.date32()), ("used_s", pa.float64())])
_FIRST, _SECOND = date(2026, 3, 1), date(2026, 3, 2)
_ROWS = [("hammer", _FIRST, 1.0), ("saw", _SECOND, 2.0), ("axe/2", _SECOND, 3.0), ("none", None, 4.0)]


def _write(folder: Path, rows: list[tuple[object, ...]], column: str = "day") -> PartitionChanges:
    table = pa.Table.from_pylist([dict(zip(_SCHEMA.names, row, strict=True)) for row in rows], _SCHEMA)
    return write_partitions(QueryRows(_SCHEMA, iter(table.to_batches(max_chunksize=1))), folder, column)


def _read(folder: Path) -> list[tuple[object, ...]]:
    hive = ds.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")
    rows = ds.dataset(folder, partitioning=hive).to_table(columns=_SCHEMA.names).to_pylist()
    return sorted((tuple(row.values()) for row in rows), key=str)


def _state(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*.parquet")}


def test_partitions_are_what_other_readers_expect(tmp_path: Path) -> None:
    assert _write(tmp_path / "out", _ROWS) == PartitionChanges(3, 0, 0)
    assert sorted(_state(tmp_path / "out")) == [
        "day=2026-03-01/rows.parquet",
        "day=2026-03-02/rows.parquet",
        "day=__HIVE_DEFAULT_PARTITION__/rows.parquet",
    ]
    assert _read(tmp_path / "out") == sorted(_ROWS, key=str)


def test_a_rerun_writes_only_what_differs_and_removes_what_went(tmp_path: Path) -> None:
    _write(tmp_path, _ROWS)
    before = _state(tmp_path)
    assert _write(tmp_path, _ROWS) == PartitionChanges(0, 3, 0)
    assert _state(tmp_path) == before
    rows = [*_ROWS[1:3], ("saw", _FIRST, 1.0)]
    assert _write(tmp_path, rows) == PartitionChanges(1, 1, 1)
    after = _state(tmp_path)
    assert after["day=2026-03-02/rows.parquet"] == before["day=2026-03-02/rows.parquet"]
    assert _read(tmp_path) == sorted(rows, key=str)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    _write(tmp_path, _ROWS)
    left = tmp_path / "day=2026-03-01" / ".rows.parquet.0123456789ab.tmp"
    left.write_bytes(b"PAR1")
    assert _read(tmp_path) == sorted(_ROWS, key=str), "a reader passes it by"
    _write(tmp_path, _ROWS[1:])
    assert not left.exists()
    assert not left.parent.exists()


def test_texts_may_hold_what_paths_may_not(tmp_path: Path) -> None:
    _write(tmp_path, _ROWS, "tool")
    assert (tmp_path / "tool=axe%2F2" / "rows.parquet").is_file()
    read = ds.dataset(tmp_path, partitioning="hive").to_table().column("tool").to_pylist()
    assert sorted(read) == ["axe/2", "hammer", "none", "saw"]


@pytest.mark.parametrize(
    ("column", "file", "words"),
    [
        ("week", "", "`by` week: the query gives no such column; it gives tool, day, used_s"),
        ("used_s", "", "partitions are by dates, whole numbers or texts, not double"),
        ("day", "notes.txt", "holds notes.txt, which is no partition by day; name another folder"),
        ("day", "day=2026-03-01/other.parquet", "holds other.parquet, which is no partition by day"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_touched(tmp_path: Path, column: str, file: str, words: str) -> None:
    if file:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text("kept")
    with pytest.raises(OptionError) as caught:
        _write(tmp_path, _ROWS, column)
    assert words in str(caught.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == ([tmp_path / file] if file else [])
