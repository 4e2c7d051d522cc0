"""Views in an archive: parts of frames as rows of their own, with labels, from one decoding, added at any time."""

import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from raypp.detect.inputs.dataset import VeiledDataset
from raypp.geometry.window import Window
from raypp.ingest.dry_run import survey, survey_lines
from raypp.ingest.plan_file import load_plan
from raypp.ingest.summary import veil_summary_lines
from raypp.ingest.worker import SegmentWorker
from raypp.media.discovery import discover
from raypp.progress import SILENT
from raypp.reveal.lookup import SourceFinder, find_rows
from raypp.reveal.plain import recover
from raypp.shards.labels import read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ShardRow
from raypp.shards.split_by import SplitBy
from raypp.shards.splitting import Split, write_split
from raypp.shards.store import Store
from raypp.shards.verification import verify
from raypp.veil.packing import pack
from tests.command import archive_bytes
from tests.ingest.views import CORNER, RIGHT, SIZE, VIEWS, camera_rows, rows_of, settings_of, veil
from tests.videos import make_video


def test_each_frame_gives_a_row_for_the_whole_and_one_for_each_view(out: Path) -> None:
    for camera, view, count in (("gate", "gate.right", 20), ("tools", "tools.corner", 6)):
        whole, part = camera_rows(out, camera), camera_rows(out, view)
        assert len(whole) == len(part) == count
        places = [[(row.site, row.source, row.frame_index, row.timestamp_us) for row in rows] for rows in (whole, part)]
        assert places[0] == places[1]
    assert {(row.width, row.height) for row in camera_rows(out, "gate.right")} == {(80, 72)}
    assert {(row.width, row.height) for row in camera_rows(out, "tools.corner")} == {(80, 80)}
    ids = [row.sample_id for row in rows_of(out)]
    assert len(set(ids)) == len(ids) == 52
    assert verify(str(out)).problems == ()


def test_whole_frames_are_as_without_views(place: Path, out: Path, tmp_path: Path) -> None:
    plain = veil(settings_of(place, tmp_path / "plain", None), place / "in")
    viewed = veil(settings_of(place, tmp_path / "viewed"), place / "in")
    assert viewed.bytes_read == plain.bytes_read, "each source is read and decoded once for all of its views"
    for camera in ("gate", "tools"):
        assert camera_rows(tmp_path / "plain", camera) == camera_rows(out, camera)
    assert len(rows_of(tmp_path / "plain")) == 26


def test_a_view_is_veiled_as_a_camera_of_its_own_of_the_masked_crop(place: Path, out: Path) -> None:
    """Checked against the veil of the same pixels, masked and cut by hand."""
    worker = SegmentWorker.open(settings_of(place, out))
    assert worker.masks
    items = {item.source: item for item in load_plan(Path(f"{out}-private")).items()}
    video = next(item for item in items.values() if item.camera == "gate")
    with av.open(video.url) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    gate, tools = (worker.masks.for_camera("site", name) for name in ("gate", "tools"))
    assert gate
    assert tools
    encoder = worker.veil.stream("site", "gate.right")
    for row, frame in zip(camera_rows(out, "gate.right"), frames, strict=True):
        pixels = frame.copy()
        gate.paint(pixels, 160, 96)
        cut = np.ascontiguousarray(pixels[24:96, 80:160])
        assert (cut != frame[24:96, 80:160]).any()
        assert (row.sub_key, row.code) == (encoder.sub_key, pack(encoder.encode(cut[None])[0], 3))
    for row in camera_rows(out, "tools.corner"):
        pixels = np.array(Image.open(items[row.source].url))
        tools.paint(pixels, 120, 90)
        image = worker.veil.stream("site", "tools.corner", bytes.fromhex(items[row.source].identity))
        cut = np.ascontiguousarray(pixels[10:90, 40:120])
        assert (row.sub_key, row.code) == (image.sub_key, pack(image.encode(cut[None])[0], 3))


def _boxes(out: Path, version: str, row: ShardRow) -> dict[str, tuple[float, ...]]:
    """Boxes of a row by class, in pixels of its part: left, top, right, bottom."""
    table = read_labels(Store(str(out)), version)
    window = Window(SIZE, 8, row.width, row.height)
    return {
        table.classes[box.class_id]: (
            (box.x - box.w / 2) * SIZE - window.offset_x,
            (box.y - box.h / 2) * SIZE - window.offset_y,
            (box.x + box.w / 2) * SIZE - window.offset_x,
            (box.y + box.h / 2) * SIZE - window.offset_y,
        )
        for box in table.by_sample()[row.sample_id].boxes
    }


def test_labels_are_cut_to_the_view_and_those_of_which_little_is_left_are_dropped(out: Path) -> None:
    (row,) = (row for row in camera_rows(out, "gate.right") if row.timestamp_us == 500_000)
    boxes = _boxes(out, "video-v1", row)
    # on the whole frame, 160x96: "in" 104-136, "half" 48-112, "out" 48-81.6, each 38.4-57.6 high
    assert boxes.keys() == {"in", "half"}, "3 % of `out` lie in the view"
    assert boxes["in"] == pytest.approx((24, 14.4, 56, 33.6))
    assert boxes["half"] == pytest.approx((0, 14.4, 32, 33.6))
    (whole,) = (row for row in camera_rows(out, "gate") if row.timestamp_us == 500_000)
    assert _boxes(out, "video-v1", whole).keys() == {"in", "half", "out"}
    for row in camera_rows(out, "tools.corner"):
        (box,) = _boxes(out, "tools-v1", row).values()  # 45-75 across and 22.5-67.5 down
        assert box == pytest.approx((5, 12.5, 35, 57.5), abs=0.01)


def test_a_view_has_the_split_of_its_source(out: Path, tmp_path: Path) -> None:
    table = read_labels(Store(str(out)), "tools-v1").by_sample()
    for whole, part in zip(camera_rows(out, "tools"), camera_rows(out, "tools.corner"), strict=True):
        assert table[whole.sample_id].split == table[part.sample_id].split


def test_training_takes_whole_frames_and_views_together(out: Path) -> None:
    assert VeiledDataset.open(str(out), "tools-v1").splits == {"train": 8, "val": 4}
    assert VeiledDataset.open(str(out), "video-v1").splits == {"unsplit": 2}


def test_a_split_keeps_all_views_of_a_frame_and_of_a_source_together(place: Path, tmp_path: Path) -> None:
    for number in range(3):
        make_video(tmp_path / "in" / "gate" / f"{number}.mp4", seconds=1, seed=number)
        moments = "".join(f"{moment / 10},saw,0.7,0.5,0.2,0.2\n" for moment in range(10))
        (tmp_path / "in" / "gate" / f"{number}.labels.csv").write_text("time_s,class,x,y,w,h\n" + moments)
    views = f"cameras: {{gate: {{views: {{{RIGHT}, left: [0, 0, 0.5, 1]}}}}}}"
    veil(settings_of(place, tmp_path / "out", views, masks_path=None), tmp_path / "in")
    reader = ShardReader(str(tmp_path / "out"))
    rows = {row.sample_id: row for row in rows_of(tmp_path / "out")}
    by_time = write_split(reader, "video-v1", "by-time", Split(val=0.2, gap_s=0))
    moments = {(rows[row.sample_id].source, rows[row.sample_id].timestamp_us, row.split) for row in by_time.rows}
    assert sorted(split for _, _, split in moments) == ["train"] * 24 + ["val"] * 6
    assert len(by_time.rows) == 90
    by_source = write_split(reader, "video-v1", "by-source", Split(SplitBy.SOURCE, val=0.4))
    assert len(by_source.rows) == 90
    sources = {(rows[row.sample_id].source, row.split) for row in by_source.rows}
    assert sorted(split for _, split in sources) == ["train", "train", "val"]


def test_images_are_split_with_their_views(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "copy")
    table = write_split(
        ShardReader(str(tmp_path / "copy")), "tools-v1", "images-by-source", Split(SplitBy.SOURCE, val=0.5)
    )
    assert [row.split for row in table.rows].count("val") == 6


def test_variants_are_made_of_each_view(place: Path, tmp_path: Path) -> None:
    settings = settings_of(place, tmp_path / "out", CORNER, variants=2, masks_path=None)
    summary = veil(settings, place / "in" / "tools")
    assert (summary.frames, summary.views, summary.variants) == (12, 6, 16)
    assert verify(settings.out).problems == ()
    rows, table = rows_of(tmp_path / "out"), read_labels(Store(settings.out), "tools-v1").by_sample()
    assert len({row.sample_id for row in rows}) == len(rows) == 28
    assert sum(row.variant > 0 for row in rows if row.camera == "tools.corner") == 8
    assert {(table[row.sample_id].variant, table[row.sample_id].split) for row in rows if row.variant} == {
        (1, "train"), (2, "train"),
    }  # fmt: skip


def test_a_run_that_was_cut_short_gives_the_same_bytes(place: Path, out: Path, tmp_path: Path) -> None:
    settings = settings_of(place, tmp_path / "again")
    assert veil(settings, place / "in", limit=1).segments_left > 0
    assert veil(settings, place / "in").segments_skipped == 1
    assert archive_bytes(tmp_path / "again") == archive_bytes(out)


def test_a_view_that_is_added_later_is_all_that_is_veiled(place: Path, out: Path, tmp_path: Path) -> None:
    for name, limit in (("calm", None), ("stopped", 1)):
        first = veil(settings_of(place, tmp_path / name, None), place / "in")
        before = archive_bytes(tmp_path / name)
        settings = settings_of(place, tmp_path / name)
        if limit:
            assert veil(settings, place / "in", limit=limit).segments_left > 0
        summary = veil(settings, place / "in")
        assert summary.segments_veiled + (limit or 0) == 3
        assert (summary.sources, summary.frames, summary.views) == (first.sources, 52, 26)
        after = archive_bytes(tmp_path / name)
        kept = {path: content for path, content in before.items() if path.startswith("shards/")}
        assert kept.items() <= after.items()
        assert verify(settings.out).problems == ()
        assert veil(settings, place / "in").segments_veiled == 0
    assert archive_bytes(tmp_path / "calm") == archive_bytes(tmp_path / "stopped")
    key = lambda row: (row.camera, row.source, row.timestamp_us)
    assert sorted(rows_of(tmp_path / "calm"), key=key) == sorted(rows_of(out), key=key)
    assert read_labels(Store(str(out)), "video-v1").rows == read_labels(Store(settings.out), "video-v2").rows
    more = VIEWS.replace(RIGHT, f"{RIGHT}, left: [0, 0, 0.5, 1]")
    summary = veil(settings_of(place, tmp_path / "calm", more), place / "in")
    assert (summary.segments_veiled, summary.frames, summary.views) == (2, 72, 46)
    assert {row.camera for row in rows_of(tmp_path / "calm")} >= {"gate", "gate.left", "gate.right"}
    assert verify(settings.out).problems == ()


def test_views_are_added_to_the_sources_of_a_run_alone(place: Path, tmp_path: Path) -> None:
    veil(settings_of(place, tmp_path / "out", None), place / "in")
    summary = veil(settings_of(place, tmp_path / "out", camera="gate"), place / "in" / "gate")
    assert {row.camera for row in rows_of(tmp_path / "out")} == {"gate", "gate.right", "tools"}
    assert summary.views == 20


def test_a_source_that_moved_gets_the_view_that_was_added(place: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in" / "gate" / "video.mp4", seconds=2)
    settings = settings_of(place, tmp_path / "out", "cameras: {gate: {}}", masks_path=None)
    veil(settings, tmp_path / "in")
    video.rename(video.with_name("renamed.mp4"))
    settings = settings_of(place, tmp_path / "out", f"cameras: {{gate: {{views: {{{RIGHT}}}}}}}", masks_path=None)
    summary = veil(settings, tmp_path / "in")
    assert (summary.sources, summary.frames, summary.views) == (1, 40, 20)


def test_views_alone(place: Path, tmp_path: Path) -> None:
    views = f"cameras:\n  '*':\n    views: {{{RIGHT}}}\n    whole: false\n"
    summary = veil(settings_of(place, tmp_path / "out", views), place / "in")
    assert {row.camera for row in rows_of(tmp_path / "out")} == {"gate.right", "tools.right"}
    assert (summary.frames, summary.views) == (26, 26)
    assert verify(str(tmp_path / "out")).problems == ()
    whole = views.replace("false", "true")
    assert veil(settings_of(place, tmp_path / "out", whole), place / "in").frames == 52
    assert verify(str(tmp_path / "out")).problems == ()


def test_a_dry_run_counts_what_is_then_veiled(place: Path, tmp_path: Path) -> None:
    settings = settings_of(place, tmp_path / "out")
    expected = survey(settings, [str(place / "in")], SILENT)
    assert not (tmp_path / "out").exists()
    summary = veil(settings, place / "in")
    assert (expected.frames, expected.views) == (summary.frames, summary.views) == (52, 26)
    assert expected.segments == summary.segments
    grid = 10 * 6 + 10 * 9, 10 * 8 + 10 * 10  # cells of video and images: whole 80x48 and 80x60, parts 80x72 and 80x80
    assert expected.expected_gb * 1e9 == pytest.approx((20 * grid[0] + 6 * grid[1]) * 16 * 3 / 8)
    assert any("52 frames (26 of them views)" in line for line in survey_lines(expected))
    assert any("26 of these frames are parts of others" in line for line in veil_summary_lines(summary))


def test_views_are_shown_as_they_were_veiled(place: Path, out: Path, tmp_path: Path) -> None:
    settings = settings_of(place, out)
    worker, reader = SegmentWorker.open(settings), ShardReader(str(out))
    plan = load_plan(settings.private)
    items = {item.source: item for item in plan.items()}
    wanted = find_rows(reader, [row.sample_id for row in rows_of(out) if row.timestamp_us in {0, 500_000, 1_200_000}])
    discovery = discover([str(place / "in")])
    rows = {row.sample_id: row for row in rows_of(out)}
    for finder in (
        SourceFinder(worker.key, plan, None, SILENT),
        SourceFinder(worker.key, type(plan)(), discovery, SILENT, settings.load_views()),
    ):
        shown = recover(list(wanted.values()), finder, reader.header, worker.masks)
        assert shown.problems == {}
        assert len(shown.frames) == len(wanted) == 18
        for name, frame in shown.frames.items():
            row = rows[name]
            window = Window(SIZE, 8, row.width, row.height)
            top, left = window.offset_y, window.offset_x
            pixels = frame.square[top : top + window.window_height, left : left + window.window_width]
            item = items[row.source]
            encoder = worker.veil.stream(
                row.site, row.camera, bytes.fromhex(item.identity) if item.info is None else None
            )
            assert row.code == pack(encoder.encode(np.ascontiguousarray(pixels)[None])[0], 3)
    blind = recover(
        list(wanted.values()), SourceFinder(worker.key, type(plan)(), discovery, SILENT), reader.header, worker.masks
    )
    assert len(blind.problems) == 9
    assert all("no plan says which part of " in line for line in blind.problems.values())
