import gc
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raypp.errors import ShardError
from raypp.shards.schema import METADATA_KEY, SHARD_SCHEMA, ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ContentDigest, ShardDigest, ShardWriter
from tests.command import ROOT
from tests.shards.archives import header, row, shard_path, write_segment

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
_ROWS = st.builds(
    ShardRow,
    sample_id=st.text("0123456789abcdef", min_size=32, max_size=32),
    site=_TEXT,
    camera=_TEXT,
    source=_TEXT,
    frame_index=_INT64,
    timestamp_us=_INT64,
    captured_at_us=st.none() | _INT64,
    sub_key=st.integers(0, 63),
    code=st.binary(max_size=200),
    width=st.integers(1, 1 << 16),
    height=st.integers(1, 1 << 16),
    variant=st.integers(0, 16),
    variants=st.integers(0, 16),
)


def _write(root: Path, rows: list[ShardRow], name: str = "shards/one.parquet") -> ShardDigest:
    with ShardWriter(Store(str(root)), name, header()) as writer:
        for shard_row in rows:
            writer.append(shard_row)
        return writer.close()


def _fail(root: Path, frames: int, error: Exception) -> None:
    with ShardWriter(Store(str(root)), "shards/one.parquet", header()) as writer:
        for number in range(frames):
            writer.append(row(number))
        raise error


def _digest(*rows: ShardRow) -> str:
    content = ContentDigest()
    for shard_row in rows:
        content.add(shard_row)
    return content.hex()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROWS, min_size=1, max_size=70))
def test_any_row_comes_back_as_it_was(rows: list[ShardRow], tmp_path: Path) -> None:
    digest = _write(tmp_path, rows)
    read = [ShardRow(**values) for values in pq.read_table(tmp_path / "shards/one.parquet").to_pylist()]
    assert read == rows
    assert digest.frames == len(rows)
    assert digest.content_sha256 == _digest(*read)


def test_a_shard_is_plain_parquet_with_its_header(tmp_path: Path) -> None:
    _write(tmp_path, [row(number) for number in range(130)])
    file = pq.ParquetFile(tmp_path / "shards/one.parquet")
    assert file.schema_arrow.equals(SHARD_SCHEMA)
    assert ArchiveHeader.from_bytes(file.schema_arrow.metadata[METADATA_KEY]) == header()
    assert [file.metadata.row_group(group).num_rows for group in range(3)] == [64, 64, 2]
    columns = {
        file.metadata.row_group(0).column(i).path_in_schema: file.metadata.row_group(0).column(i)
        for i in range(len(SHARD_SCHEMA))
    }
    assert columns["code"].compression == "ZSTD"
    for name in ("code", "sample_id"):
        assert not columns[name].is_stats_set
        assert not [kind for kind in columns[name].encodings if "DICTIONARY" in kind]


def test_the_digest_is_of_the_file_as_it_lies_there(tmp_path: Path) -> None:
    import hashlib

    digest = _write(tmp_path, [row(number) for number in range(70)])
    content = (tmp_path / "shards/one.parquet").read_bytes()
    assert (digest.sha256, digest.bytes) == (hashlib.sha256(content).hexdigest(), len(content))


def test_another_process_writes_the_same_bytes(tmp_path: Path) -> None:
    code = """
import sys
from raypp.shards.store import Store
from tests.shards.archives import row, write_segment
write_segment(Store(sys.argv[1]), 0, [row(number) for number in range(70)])
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], env=environment, check=True)
    there, here = Store(str(tmp_path / "there")), Store(str(tmp_path / "here"))
    write_segment(here, 0, [row(number) for number in range(70)])
    assert here.read(shard_path(0)) == there.read(shard_path(0))


@pytest.mark.parametrize("frames", [0, 3, 70])
def test_an_exception_discards_the_shard(frames: int, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        _fail(tmp_path, frames, KeyError())
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    gc.collect()  # pyarrow ends a dropped writer here; a complaint of it would fail this test


def test_a_shard_left_without_close_is_discarded(tmp_path: Path) -> None:
    with ShardWriter(Store(str(tmp_path)), "shards/one.parquet", header()) as writer:
        for number in range(70):
            writer.append(row(number))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_error_of_the_source_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"video\.mp4"):
        _fail(tmp_path, 70, FileNotFoundError(2, "No such file or directory", "video.mp4"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_write_that_fails_names_the_shard_and_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = np.random.default_rng(0).bytes(40_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # a write beyond fails as on a full disk, with EFBIG
    try:
        with pytest.raises(ShardError, match=r"shards/one\.parquet: File too large"):
            _write(tmp_path, [replace(row(number), code=noise) for number in range(200)])
        gc.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_content_digest_sees_values_and_not_their_types() -> None:
    plain = row(4)
    other = replace(plain, sub_key=np.int16(plain.sub_key), width=np.int32(320), code=bytearray(plain.code))
    assert _digest(plain) == _digest(other)


@pytest.mark.parametrize(
    "change",
    [
        {"sample_id": "0" * 32},
        {"site": "plan", "camera": "tgate"},
        {"captured_at_us": None},
        {"captured_at_us": 0},
        {"code": b""},
        {"width": 180, "height": 320},
        {"variant": 1},
        {"variants": 1},
    ],
)
def test_the_content_digest_sees_every_change(change: dict[str, object]) -> None:
    plain = row(4)
    assert _digest(plain) != _digest(replace(plain, **change))


def test_the_content_digest_sees_the_order_of_rows() -> None:
    assert _digest(row(1), row(2)) != _digest(row(2), row(1))
