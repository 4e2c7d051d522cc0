"""Figures of queries over archives are those of the archives, and of the commands that count them otherwise."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from raypp.datasets.log import read_log
from raypp.errors import LabelError, OptionError, ShardError
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import compile_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.receipt import Quarantined
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from raypp.sql.archive_views import ArchiveRows
from raypp.sql.engine import SqlEngine
from raypp.sql.results import rows_of
from tests.datasets.archives import sample_archive
from tests.shards.archives import header, row, segment, shard_path, write_segment


def _rows(query: str, *archives: object, key: DataKey | None = None, versions: tuple[str, ...] = ()) -> list[Any]:
    with SqlEngine(ArchiveRows([str(archive) for archive in archives], key, versions).views()) as engine:
        return list(rows_of(engine.run(query)))


def test_frames_are_those_of_the_shards_with_their_codes(veiled: Path) -> None:
    names = ("sample_id", "site", "camera", "source", "timestamp_us", "captured_at_us", "sub_key", "code")
    wanted = [
        tuple(item[name] for name in names)
        for batch in ShardReader(str(veiled)).iterate()
        for item in batch.rows.to_pylist()
    ]
    assert len(wanted) == 8
    assert _rows(f"select {', '.join(names)} from frames order by sample_id", veiled) == sorted(wanted)  # noqa: S608


def test_counts_are_those_of_the_dataset_log(relabelled: Path) -> None:
    for logged in read_log(Store(str(relabelled))).versions:
        counts = "select count(*), sum(box_count) from labels"
        assert _rows(counts, relabelled, versions=(logged.labels,)) == [(logged.labelled, logged.boxes)]
        assert _rows("select count(*) from boxes", relabelled, versions=(logged.labels,)) == [(logged.boxes,)]
        splits = _rows("select split, count(*) from labels group by split", relabelled, versions=(logged.labels,))
        assert dict(splits) == logged.splits
        assert _rows("select count(*) from frames", relabelled) == [(logged.frames,)]
        kept = "select count(*) from sources where quarantined is null"
        assert _rows(kept, relabelled) == [(logged.sources,)]


def test_boxes_have_the_names_of_their_classes(veiled: Path) -> None:
    boxes = _rows("select right(sample_id, 1), class, x, w, split from boxes order by all", veiled)
    assert boxes == [
        ("0", "hammer", 0.5, 0.1, "train"),
        ("1", "drill", 0.2, 0.1, "train"),
        ("1", "hammer", 0.5, 0.1, "train"),
    ]


def test_of_several_label_versions_one_has_to_be_chosen_or_all_named(relabelled: Path) -> None:
    with pytest.raises(LabelError, match="video-v1, video-v2; choose one by `labels_version`"):
        _rows("select * from labels", relabelled)
    assert _rows("select count(*) from frames", relabelled) == [(8,)]
    both = _rows(
        "select labels_version, count(*) from labels group by all order by all",
        relabelled,
        versions=("video-v1", "video-v2"),
    )
    assert both == [("video-v1", 3), ("video-v2", 2)]
    with pytest.raises(ShardError, match="no label version nothing; there are: video-v1, video-v2"):
        _rows("select 1", relabelled, versions=("nothing",))


def test_several_archives_are_told_apart(veiled: Path, relabelled: Path) -> None:
    query = "select archive, count(*) from frames where source = 'video-0' group by archive"
    assert sorted(_rows(query, veiled, relabelled)) == sorted([(str(veiled), 4), (str(relabelled), 4)])
    joined = "select count(*) from frames join boxes using (archive, sample_id) where archive like '%relabelled%'"
    assert _rows(joined, veiled, relabelled, versions=("video-v1",)) == [(3,)]


def test_encrypted_archives_are_read_with_their_key_beside_open_ones(veiled: Path, tmp_path: Path) -> None:
    key = DataKey.generate()
    sample_archive(tmp_path, key)
    query = "select count(*), count(distinct code), sum(timestamp_us) from frames"
    assert _rows(query, tmp_path / "veiled", key=key) == _rows(query, veiled) == [(8, 8, 480_000)]
    assert _rows("select count(*) from frames", veiled, tmp_path / "veiled", key=key) == [(16,)]
    assert _rows("select class from boxes order by 1", tmp_path / "veiled", key=key)[0] == ("drill",)
    with pytest.raises(ShardError, match="is encrypted; give its data key"):
        _rows("select 1", tmp_path / "veiled")


def test_variants_and_quarantined_sources_are_told_from_frames(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "veiled"))
    about = header(variants=1)
    store.write_atomic(HEADER_FILE, about.to_bytes())
    rows = [row(0, "a", variants=1), row(1, "a", variant=1), row(2, "b", variants=0)]
    receipt = write_segment(store, 0, rows, archive=about)
    broken = receipt.model_copy(
        update={"quarantined": (Quarantined(source="b", reason="cut short"),), "damaged": ("a",), "variants": 1}
    )
    store.write_atomic(f"receipts/{segment(0)}.json", broken.to_bytes())
    compile_manifest(store, about)
    assert _rows("select sample_id, variants from frames order by 1", store.root) == [
        (f"{0:032x}", 1),
        (f"{2:032x}", 0),
    ]
    assert _rows("select sample_id, variant from variants", store.root) == [(f"{1:032x}", 1)]
    assert _rows("select source, segments, damaged, quarantined from sources order by 1", store.root) == [
        ("a", 1, True, None),
        ("b", 1, False, "cut short"),
    ]
    assert _rows("select frames, variants from segments", store.root) == [(2, 1)]


def test_a_query_that_leaves_the_codes_out_does_not_read_them(veiled: Path, tmp_path: Path) -> None:
    """Bytes of the column are made nonsense: whoever reads them fails."""
    copy = tmp_path / "veiled"
    shutil.copytree(veiled, copy)
    shard = copy / shard_path(0)
    about = pq.ParquetFile(shard).metadata.row_group(0)
    (column,) = [about.column(n) for n in range(about.num_columns) if about.column(n).path_in_schema == "code"]
    content = bytearray(shard.read_bytes())
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    shard.write_bytes(content)
    assert _rows("select count(*), sum(width) from frames", copy) == [(8, 2560)]
    with pytest.raises(OptionError, match="the query fails: "):
        _rows("select max(code) from frames", copy)


def test_what_is_no_archive_or_damaged_is_said(veiled: Path, tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"has no manifest\.parquet"):
        _rows("select 1", tmp_path)
    copy = tmp_path / "veiled"
    shutil.copytree(veiled, copy)
    (copy / shard_path(1)).unlink()
    with pytest.raises(ShardError, match=r"cannot read .*; run `raypp verify` on it"):
        _rows("select count(*) from frames", copy)
    assert _rows("select count(*) from segments", copy) == [(2,)], "what is not named is not read"
