"""Reading an archive leaves no thread that could abort a process which ends at once."""

import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raypp.errors import ContentError
from raypp.geometry.boxes import Box
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.parquet import parquet_table
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from tests.command import environment
from tests.shards.archives import VEIL_ID, header, row, write_segment

_READ = """
import os, sys
from pathlib import Path
from raypp.api import describe_file
from raypp.shards.reader import ShardReader

def threads():
    return len(os.listdir("/proc/self/task"))

before = threads()
reader = ShardReader(sys.argv[1])
frames = sum(len(labels) for _, labels in reader.labelled("tools-v1"))
for name in ("manifest.parquet", "labels/tools-v1/labels.parquet", reader.shards[0]):
    describe_file(Path(sys.argv[1]) / name)
print(frames, threads() - before)
"""


def test_reading_starts_no_thread(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write_atomic(HEADER_FILE, header().to_bytes())
    rows = [row(number, "video", timestamp_us=number) for number in range(200)]
    write_segment(store, 0, rows)
    boxes = (Box(0, 0.5, 0.5, 0.1, 0.1),)
    write_labels(
        store,
        "tools-v1",
        ("hammer",),
        VEIL_ID,
        [SampleLabels(shard_row.sample_id, "train", boxes) for shard_row in rows],
    )
    compile_manifest(store, header())
    done = subprocess.run(
        [sys.executable, "-c", _READ, tmp_path], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["200", "0"], done.stderr


def _written(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", row_group_size=10_000_000)
    return buffer.getvalue()


def test_a_few_bytes_that_stand_for_millions_of_rows_are_refused() -> None:
    content = _written(pa.table({"sample_id": pa.array([""]).take(pa.array(np.zeros(5_000_000, np.int32)))}))
    assert len(content) < 100_000
    with pytest.raises(ContentError, match="unpack to far more"):
        parquet_table(content)


def test_a_few_rows_that_stand_for_many_megabytes_are_refused() -> None:
    boxes = pa.array([[{"class_id": 0, "x": 0.5}] * 1_000_000] * 3)
    content = _written(pa.table({"sample_id": ["a", "b", "c"], "boxes": boxes}))
    assert len(content) < 300_000
    with pytest.raises(ContentError, match="unpack to far more"):
        parquet_table(content)


def test_a_table_of_identities_is_read_whole() -> None:
    names = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(10_000)]
    table = pa.table({"sample_id": names}).replace_schema_metadata({b"raypp": b"{}"})
    assert parquet_table(_written(table)).equals(table)
    assert parquet_table(_written(table)).schema.metadata == {b"raypp": b"{}"}
    assert parquet_table(_written(table.slice(0, 0))).num_rows == 0
