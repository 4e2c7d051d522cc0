"""Segments of short files: enough for all workers, and no other samples however many there are."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_image

_IMAGES = 300


def _settings(folder: Path, out: str, shard_mb: float = 32.0) -> VeilSettings:
    if not (folder / "owner.key").exists():
        save_owner_key(VeilKey(bytes(range(32))), folder / "owner.key")
        jpeg = make_image(folder / "in" / "0.jpg", 48, 32).read_bytes()
        for number in range(1, _IMAGES):
            (folder / "in" / f"{number}.jpg").write_bytes(jpeg + b"%d" % number)
    return VeilSettings(out=str(folder / out), key_path=folder / "owner.key", size=32, shard_mb=shard_mb)


def _sizes(settings: VeilSettings, workers: int) -> list[int]:
    with open_job(settings, [str(settings.key_path.parent / "in")], SILENT, workers=workers) as job:
        return [len(segment.items) for segment in job.plan.segments]


def _veil(settings: VeilSettings, workers: int, limit: int | None = None) -> pa.Table:
    with open_job(settings, [str(settings.key_path.parent / "in")], SILENT, workers=workers) as job:
        job.run(veil_here, SILENT, limit, None)
    shards = sorted(Path(settings.out, "shards").rglob("*.parquet"))
    return pa.concat_tables([pq.read_table(shard) for shard in shards]).sort_by("sample_id")


def test_each_worker_has_some_segments_of_at_least_64_files(tmp_path: Path) -> None:
    assert _sizes(_settings(tmp_path, "two"), 2) == [64, 64, 64, 64, 44]
    assert _sizes(_settings(tmp_path, "one"), 1) == [75, 75, 75, 75]
    assert max(_sizes(_settings(tmp_path, "small", shard_mb=0.0001), 1)) < 64


def test_a_plan_that_was_begun_keeps_its_segments_and_rows_do_not_depend_on_the_workers(tmp_path: Path) -> None:
    whole = _veil(_settings(tmp_path, "whole", shard_mb=0.001), 1)
    settings = _settings(tmp_path, "resumed")
    _veil(settings, 1, limit=2)
    begun = _sizes(settings, 50)
    assert begun == _sizes(_settings(tmp_path, "fresh"), 1)
    resumed = _veil(settings, 50)
    assert resumed.num_rows == _IMAGES
    assert resumed.equals(whole)
