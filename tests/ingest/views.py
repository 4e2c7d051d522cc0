"""Sources with views for tests: a labelled video of two segments and a dataset, with masks on both."""

from pathlib import Path
from typing import Any

from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import VeilSummary
from raypp.progress import SILENT
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ShardRow
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_dataset, make_video

SIZE = 80
RIGHT = "right: [0.5, 0.25, 1, 1]"  # 80x72 pixels of the video's 160x96: veiled as they are
_CORNER = "corner: [0.33334, 0.11112, 1, 1]"  # 80x80 pixels of the images' 120x90
CORNER = f"cameras:\n  tools:\n    views: {{{_CORNER}}}\n"
VIEWS = f"cameras:\n  gate:\n    views: {{{RIGHT}}}\n  tools:\n    views: {{{_CORNER}}}\n"
_LABELS = "time_s,class,x,y,w,h\n" + "".join(
    f"0.5,{name},{x},0.5,{w},0.2\n" for name, x, w in (("in", 0.75, 0.2), ("half", 0.5, 0.4), ("out", 0.405, 0.21))
)


def settings_of(place: Path, out: Path, views: str | None = VIEWS, **options: Any) -> VeilSettings:
    path = None
    if views is not None:
        path = out.parent / f"{out.name}-views.yaml"
        path.write_text(views)
    cut = {"size": SIZE, "segment_s": 1, "shard_mb": 0.02, "masks_path": place / "masks.json"}
    return VeilSettings(out=str(out), key_path=place / "owner.key", views_path=path, **(cut | options))


def veil(settings: VeilSettings, source: Path, limit: int | None = None) -> VeilSummary:
    with open_job(settings, [str(source)], SILENT) as job:
        return job.run(veil_here, SILENT, limit, None)


def rows_of(out: Path) -> list[ShardRow]:
    return [ShardRow(**row) for batch in ShardReader(str(out)).iterate() for row in batch.rows.to_pylist()]


def camera_rows(out: Path, camera: str) -> list[ShardRow]:
    return sorted((row for row in rows_of(out) if row.camera == camera), key=lambda row: (row.source, row.timestamp_us))


def write_place(place: Path) -> Path:
    """Write a key, 2 s of a video with a sidecar, a dataset of 4 training and 2 validation images, and masks."""
    save_owner_key(VeilKey.generate(), place / "owner.key")
    (place / "masks.json").write_text(
        '{"gate": [[[0.8, 0.5], [1, 0.5], [1, 0.8], [0.8, 0.8]]], "tools": [[[0.7, 0], [0.9, 0], [0.9, 0.5]]]}'
    )
    make_dataset(place / "in" / "tools")
    make_video(place / "in" / "gate" / "video.mp4", seconds=2)
    (place / "in" / "gate" / "video.labels.csv").write_text(_LABELS)
    return place
