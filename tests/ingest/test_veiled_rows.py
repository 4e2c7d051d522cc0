"""Rows of shards, and names of planned sources: found by column, as a dictionary of values finds them."""

import random
from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest

from raypp.ingest.plan import SOURCE_SCHEMA
from raypp.ingest.planned_names import PlannedNames
from raypp.ingest.veiled_rows import VeiledRows
from raypp.shards.manifest import compile_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from tests.shards.archives import header, row, write_segment


def test_rows_of_a_source_are_those_of_all_shards_in_order(tmp_path: Path) -> None:
    draw = random.Random(7)
    sources = ["a", "b" * 16, "a plain name, longer than any pseudonym.mp4", "ä" * 40]
    store = Store(str(tmp_path))
    archive = header()
    store.write_atomic(HEADER_FILE, archive.to_bytes())
    for number in range(3):
        rows = [
            row(10 * number + at, draw.choice(sources), site=f"site-{at % 2}", camera=f"camera-{at}") for at in range(7)
        ]
        write_segment(store, number, rows)
    compile_manifest(store, archive)
    reader = ShardReader(str(tmp_path))
    expected: dict[str, list[tuple[object, ...]]] = defaultdict(list)
    columns = ("sample_id", "site", "camera", "source", "timestamp_us", "width", "height", "variant")
    for batch in reader.iterate(columns):
        for values in batch.rows.to_pylist():
            expected[values["source"]].append(tuple(values[name] for name in columns))
    wanted = [*sources, "unknown", "a"]
    rows_of = list(VeiledRows(reader).of(wanted))
    assert sum(map(len, rows_of[:4])) == 21
    for source, rows in zip(wanted, rows_of, strict=True):
        assert [tuple(getattr(value, name) for name in columns) for value in rows] == expected[source]
    assert VeiledRows(reader).of_one("unknown") == []


@pytest.mark.parametrize("names", [["1.jpg", "2.jpg", "new.jpg"], []])
def test_a_file_planned_twice_has_the_name_of_the_last_time(names: list[str]) -> None:
    planned = [("in", "1.jpg", "first"), ("in", "2.jpg", "second"), ("out", "1.jpg", "other"), ("in", "1.jpg", "third")]
    rows = [
        {"folder": folder, "name": name, "source": source, "identity": source.encode().ljust(32)}
        for folder, name, source in planned
    ]
    sources = pa.Table.from_pylist(rows, SOURCE_SCHEMA)
    by_name = {"1.jpg": "third", "2.jpg": "second"}
    there = PlannedNames(sources)
    for _ in range(3):  # by column, and by name when a folder comes again
        values = list(there.sources(there.rows_of("in", names)))
        assert [value and value[0] for value in values] == [by_name.get(name) for name in names]
        assert all(value is None or value[1] == value[0].encode().ljust(32) for value in values)
        assert list(there.sources(there.rows_of("nowhere", names))) == [None] * len(names)
    nothing = PlannedNames(SOURCE_SCHEMA.empty_table())
    assert list(nothing.sources(nothing.rows_of("in", names))) == [None] * len(names)
