"""Views in an archive: parts of frames as rows of their own, with labels, from one decoding, added at any time."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from raypp.edge.cameras_file import CameraSettings, SiteCameras
from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.geometry.window import Window
from raypp.ingest.dry_run import survey, survey_lines
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.plan_file import PLAN_FILE, load_plan
from raypp.ingest.settings import VeilSettings
from raypp.ingest.source_views import _Camera, load_views
from raypp.ingest.summary import VeilSummary, veil_summary_lines
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
from raypp.veil.key import SiteKey, VeilKey
from raypp.veil.keyfile import save_owner_key, save_site_key
from raypp.veil.packing import pack
from raypp.veil.spec import PatchSpec
from tests.command import archive_bytes
from tests.videos import make_dataset, make_video

SIZE = 80
_RIGHT = "right: [0.5, 0.25, 1, 1]"  # 80x72 pixels of the video's 160x96: veiled as they are
_CORNER = "corner: [0.33334, 0.11112, 1, 1]"  # 80x80 pixels of the images' 120x90
_VIEWS = f"cameras:\n  gate:\n    views: {{{_RIGHT}}}\n  tools:\n    views: {{{_CORNER}}}\n"
_LABELS = "time_s,class,x,y,w,h\n" + "".join(
    f"0.5,{name},{x},0.5,{w},0.2\n" for name, x, w in (("in", 0.75, 0.2), ("half", 0.5, 0.4), ("out", 0.405, 0.21))
)


def _settings(place: Path, out: Path, views: str | None = _VIEWS, **options: Any) -> VeilSettings:
    path = None
    if views is not None:
        path = out.parent / f"{out.name}-views.yaml"
        path.write_text(views)
    cut = {"size": SIZE, "segment_s": 1, "shard_mb": 0.02, "masks_path": place / "masks.json"}
    return VeilSettings(out=str(out), key_path=place / "owner.key", views_path=path, **(cut | options))


def _veil(settings: VeilSettings, source: Path, limit: int | None = None) -> VeilSummary:
    with open_job(settings, [str(source)], SILENT) as job:
        return job.run(veil_here, SILENT, limit, None)


def _rows(out: Path) -> list[ShardRow]:
    return [ShardRow(**row) for batch in ShardReader(str(out)).iterate() for row in batch.rows.to_pylist()]


def _of(out: Path, camera: str) -> list[ShardRow]:
    return sorted((row for row in _rows(out) if row.camera == camera), key=lambda row: (row.source, row.timestamp_us))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key; a labelled video of two segments; a dataset of 4 training and 2 validation images; masks on both."""
    place = tmp_path_factory.mktemp("place")
    save_owner_key(VeilKey.generate(), place / "owner.key")
    (place / "masks.json").write_text(
        '{"gate": [[[0.8, 0.5], [1, 0.5], [1, 0.8], [0.8, 0.8]]], "tools": [[[0.7, 0], [0.9, 0], [0.9, 0.5]]]}'
    )
    make_dataset(place / "in" / "tools")
    make_video(place / "in" / "gate" / "video.mp4", seconds=2)
    (place / "in" / "gate" / "video.labels.csv").write_text(_LABELS)
    return place


@pytest.fixture(scope="module")
def out(place: Path) -> Path:
    out = place / "veiled"
    _veil(_settings(place, out), place / "in")
    return out


def test_each_frame_gives_a_row_for_the_whole_and_one_for_each_view(out: Path) -> None:
    for camera, view, count in (("gate", "gate.right", 20), ("tools", "tools.corner", 6)):
        whole, part = _of(out, camera), _of(out, view)
        assert len(whole) == len(part) == count
        places = [[(row.site, row.source, row.frame_index, row.timestamp_us) for row in rows] for rows in (whole, part)]
        assert places[0] == places[1]
    assert {(row.width, row.height) for row in _of(out, "gate.right")} == {(80, 72)}
    assert {(row.width, row.height) for row in _of(out, "tools.corner")} == {(80, 80)}
    ids = [row.sample_id for row in _rows(out)]
    assert len(set(ids)) == len(ids) == 52
    assert verify(str(out)).problems == ()


def test_whole_frames_are_as_without_views(place: Path, out: Path, tmp_path: Path) -> None:
    _veil(_settings(place, tmp_path / "plain", None), place / "in")
    for camera in ("gate", "tools"):
        plain, whole = _of(tmp_path / "plain", camera), _of(out, camera)
        assert plain == whole
    assert len(_rows(tmp_path / "plain")) == 26


def test_a_view_is_veiled_as_a_camera_of_its_own_of_the_masked_crop(place: Path, out: Path) -> None:
    """Checked against the veil of the same pixels, masked and cut by hand."""
    worker = SegmentWorker.open(_settings(place, out))
    assert worker.masks
    items = {item.source: item for item in load_plan(Path(f"{out}-private")).items()}
    video = next(item for item in items.values() if item.camera == "gate")
    with av.open(video.url) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    gate, tools = (worker.masks.for_camera("site", name) for name in ("gate", "tools"))
    assert gate
    assert tools
    encoder = worker.veil.stream("site", "gate.right")
    for row, frame in zip(_of(out, "gate.right"), frames, strict=True):
        pixels = frame.copy()
        gate.paint(pixels, 160, 96)
        cut = np.ascontiguousarray(pixels[24:96, 80:160])
        assert (cut != frame[24:96, 80:160]).any()
        assert (row.sub_key, row.code) == (encoder.sub_key, pack(encoder.encode(cut[None])[0], 3))
    for row in _of(out, "tools.corner"):
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
    (row,) = (row for row in _of(out, "gate.right") if row.timestamp_us == 500_000)
    boxes = _boxes(out, "video-v1", row)
    # on the whole frame, 160x96: "in" 104-136, "half" 48-112, "out" 48-81.6, each 38.4-57.6 high
    assert boxes.keys() == {"in", "half"}, "3 % of `out` lie in the view"
    assert boxes["in"] == pytest.approx((24, 14.4, 56, 33.6))
    assert boxes["half"] == pytest.approx((0, 14.4, 32, 33.6))
    (whole,) = (row for row in _of(out, "gate") if row.timestamp_us == 500_000)
    assert _boxes(out, "video-v1", whole).keys() == {"in", "half", "out"}
    for row in _of(out, "tools.corner"):
        (box,) = _boxes(out, "tools-v1", row).values()  # 45-75 across and 22.5-67.5 down
        assert box == pytest.approx((5, 12.5, 35, 57.5), abs=0.01)


def test_a_view_has_the_split_of_its_source(out: Path, tmp_path: Path) -> None:
    table = read_labels(Store(str(out)), "tools-v1").by_sample()
    for whole, part in zip(_of(out, "tools"), _of(out, "tools.corner"), strict=True):
        assert table[whole.sample_id].split == table[part.sample_id].split


def test_a_split_keeps_all_views_of_a_frame_and_of_a_source_together(place: Path, tmp_path: Path) -> None:
    for number in range(3):
        make_video(tmp_path / "in" / "gate" / f"{number}.mp4", seconds=1, seed=number)
        moments = "".join(f"{moment / 10},saw,0.7,0.5,0.2,0.2\n" for moment in range(10))
        (tmp_path / "in" / "gate" / f"{number}.labels.csv").write_text("time_s,class,x,y,w,h\n" + moments)
    views = f"cameras: {{gate: {{views: {{{_RIGHT}, left: [0, 0, 0.5, 1]}}}}}}"
    _veil(_settings(place, tmp_path / "out", views, masks_path=None), tmp_path / "in")
    reader = ShardReader(str(tmp_path / "out"))
    rows = {row.sample_id: row for row in _rows(tmp_path / "out")}
    by_time = write_split(reader, "video-v1", "by-time", Split(val=0.2, gap_s=0))
    moments = {(rows[row.sample_id].source, rows[row.sample_id].timestamp_us, row.split) for row in by_time.rows}
    assert sorted(split for _, _, split in moments) == ["train"] * 24 + ["val"] * 6
    assert len(by_time.rows) == 90
    by_source = write_split(reader, "video-v1", "by-source", Split(SplitBy.SOURCE, val=0.4))
    assert len(by_source.rows) == 90
    sources = {(rows[row.sample_id].source, row.split) for row in by_source.rows}
    assert sorted(split for _, split in sources) == ["train", "train", "val"]


def test_images_are_split_with_their_views(out: Path) -> None:
    table = write_split(ShardReader(str(out)), "tools-v1", "images-by-source", Split(SplitBy.SOURCE, val=0.5))
    assert [row.split for row in table.rows].count("val") == 6


def test_variants_are_made_of_each_view(place: Path, tmp_path: Path) -> None:
    settings = _settings(place, tmp_path / "out", variants=2)
    summary = _veil(settings, place / "in" / "tools")
    assert (summary.frames, summary.views, summary.variants) == (12, 6, 16)
    assert verify(settings.out).problems == ()
    rows, table = _rows(tmp_path / "out"), read_labels(Store(settings.out), "tools-v1").by_sample()
    assert len({row.sample_id for row in rows}) == len(rows) == 28
    assert sum(row.variant > 0 for row in rows if row.camera == "tools.corner") == 8
    assert {(table[row.sample_id].variant, table[row.sample_id].split) for row in rows if row.variant} == {
        (1, "train"), (2, "train"),
    }  # fmt: skip


def test_a_run_that_was_cut_short_gives_the_same_bytes(place: Path, out: Path, tmp_path: Path) -> None:
    settings = _settings(place, tmp_path / "again")
    assert _veil(settings, place / "in", limit=1).segments_left > 0
    assert _veil(settings, place / "in").segments_skipped == 1
    assert archive_bytes(tmp_path / "again") == archive_bytes(out)


def test_a_view_that_is_added_later_is_all_that_is_veiled(place: Path, out: Path, tmp_path: Path) -> None:
    for name, limit in (("calm", None), ("stopped", 1)):
        first = _veil(_settings(place, tmp_path / name, None), place / "in")
        before = archive_bytes(tmp_path / name)
        settings = _settings(place, tmp_path / name)
        if limit:
            assert _veil(settings, place / "in", limit=limit).segments_left > 0
        summary = _veil(settings, place / "in")
        assert summary.segments_veiled + (limit or 0) == 3
        assert (summary.sources, summary.frames, summary.views) == (first.sources, 52, 26)
        after = archive_bytes(tmp_path / name)
        kept = {path: content for path, content in before.items() if path.startswith("shards/")}
        assert kept.items() <= after.items()
        assert verify(settings.out).problems == ()
        assert _veil(settings, place / "in").segments_veiled == 0
    assert archive_bytes(tmp_path / "calm") == archive_bytes(tmp_path / "stopped")
    key = lambda row: (row.camera, row.source, row.timestamp_us)
    assert sorted(_rows(tmp_path / "calm"), key=key) == sorted(_rows(out), key=key)
    assert read_labels(Store(str(out)), "video-v1").rows == read_labels(Store(settings.out), "video-v2").rows
    more = _VIEWS.replace(_RIGHT, f"{_RIGHT}, left: [0, 0, 0.5, 1]")
    summary = _veil(_settings(place, tmp_path / "calm", more), place / "in")
    assert (summary.segments_veiled, summary.frames, summary.views) == (2, 72, 46)
    assert {row.camera for row in _rows(tmp_path / "calm")} >= {"gate", "gate.left", "gate.right"}
    assert verify(settings.out).problems == ()


def test_views_are_added_to_the_sources_of_a_run_alone(place: Path, tmp_path: Path) -> None:
    _veil(_settings(place, tmp_path / "out", None), place / "in")
    summary = _veil(_settings(place, tmp_path / "out"), place / "in" / "gate")
    assert {row.camera for row in _rows(tmp_path / "out")} == {"gate", "gate.right", "tools"}
    assert summary.views == 20


def test_a_source_that_moved_gets_the_view_that_was_added(place: Path, tmp_path: Path) -> None:
    video = make_video(tmp_path / "in" / "gate" / "video.mp4", seconds=2)
    settings = _settings(place, tmp_path / "out", "cameras: {gate: {}}", masks_path=None)
    _veil(settings, tmp_path / "in")
    video.rename(video.with_name("renamed.mp4"))
    settings = _settings(place, tmp_path / "out", f"cameras: {{gate: {{views: {{{_RIGHT}}}}}}}", masks_path=None)
    summary = _veil(settings, tmp_path / "in")
    assert (summary.sources, summary.frames, summary.views) == (1, 40, 20)


def test_views_alone(place: Path, tmp_path: Path) -> None:
    views = f"cameras:\n  '*':\n    views: {{{_RIGHT}}}\n    whole: false\n"
    summary = _veil(_settings(place, tmp_path / "out", views), place / "in")
    assert {row.camera for row in _rows(tmp_path / "out")} == {"gate.right", "tools.right"}
    assert (summary.frames, summary.views) == (26, 26)
    assert verify(str(tmp_path / "out")).problems == ()
    whole = views.replace("false", "true")
    assert _veil(_settings(place, tmp_path / "out", whole), place / "in").frames == 52
    assert verify(str(tmp_path / "out")).problems == ()


@pytest.mark.parametrize(
    ("views", "says"),
    [
        (None, "view right of site/gate was planned before, and `views_path` has none of that name; give the same"),
        (_VIEWS.replace("right:", "hands:"), "view right of site/gate was planned before, and `views_path` has none"),
        (_VIEWS.replace("0.25, 1, 1", "0.3, 1, 1"), "view right of site/gate was planned before, as another part;"),
        (_VIEWS.replace("  tools", "    whole: false\n  tools"), "frames of site/gate were planned whole; leave out"),
    ],
)
def test_a_view_that_goes_or_changes_is_refused(
    views: str | None, says: str, place: Path, out: Path, tmp_path: Path
) -> None:
    before = archive_bytes(out)
    settings = _settings(place, out).model_copy(update={"views_path": None})
    if views is not None:
        (tmp_path / "views.yaml").write_text(views)
        settings = settings.model_copy(update={"views_path": tmp_path / "views.yaml"})
    with pytest.raises(ConflictError) as error, open_job(settings, [str(place / "in")], SILENT):
        pass
    assert says in str(error.value)
    assert "\n" not in str(error.value)
    assert archive_bytes(out) == before


@pytest.mark.parametrize(
    ("views", "masks", "says"),
    [
        (
            "cameras: {hall: {views: {a: [0, 0, 1, 1]}}}",
            None,
            "has views for hall, but the cameras are site/gate, site",
        ),
        ("cameras: {other/gate: {views: {a: [0, 0, 1, 1]}}}", None, "has views for other/gate, but the cameras are"),
        (_VIEWS, '{"gate.right": [[[0, 0], [1, 0], [1, 1]]]}', "a mask for the view gate.right; draw it on the whole"),
        (_VIEWS, '{"site/gate.right": [[[0, 0], [1, 0], [1, 1]]]}', "for gate: it holds in the camera's views"),
    ],
)
def test_names_of_no_camera_are_refused(views: str, masks: str | None, says: str, place: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {}
    if masks is not None:
        (tmp_path / "masks.json").write_text(masks)
        options["masks_path"] = tmp_path / "masks.json"
    settings = _settings(place, tmp_path / "out", views, **options)
    with pytest.raises(OptionError) as error, open_job(settings, [str(place / "in")], SILENT):
        pass
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_view_with_the_name_of_another_camera_is_refused(place: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "gate" / "a.mp4", seconds=0.5)
    make_video(tmp_path / "in" / "gate.cam" / "b.mp4", seconds=0.5, seed=1)
    settings = _settings(place, tmp_path / "out", "cameras: {gate: {views: {cam: [0, 0, 1, 1]}}}", masks_path=None)
    with (
        pytest.raises(OptionError, match=r"camera gate and camera gate\.cam would both have a stream gate\.cam"),
        open_job(settings, [str(tmp_path / "in")], SILENT),
    ):
        pass


def test_a_source_in_which_a_view_is_too_small_is_quarantined_before_any_work(place: Path, tmp_path: Path) -> None:
    views = "cameras:\n  gate:\n    views: {hands: [0.9, 0, 1, 1]}\n  tools:\n    views: {hands: [0, 0, 0.2, 1]}\n"
    settings = _settings(place, tmp_path / "out", views)
    summary = _veil(settings, place / "in")
    assert (summary.sources, summary.frames, len(summary.quarantined)) == (0, 0, 7)
    video = next(source for source in summary.quarantined if source.source.endswith("video.mp4"))
    assert video.reason == (
        "view gate.hands is 16x96 pixels of 160x96, must be at least 32 each way; enlarge it in `views`"
    )
    larger = views.replace("0.9", "0.5").replace("0.2", "0.5")
    assert _veil(_settings(place, tmp_path / "out", larger), place / "in").views == 26


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cameras: {gate: {views: {a: [0.5, 0, 1.2, 1]}}}", "leaves the frame"),
        ("cameras: {gate: {views: {a: [0.5, 0, 0.51, 1]}}}", "is too small"),
        ("cameras: {gate: {views: {a: 5}}}", "must be [left, top, right, bottom]"),
        ("cameras: {gate: {views: {'a b': [0, 0, 1, 1]}}}", "view 'a b': a name is"),
        ("cameras: {gate: {view: {a: [0, 0, 1, 1]}}}", "view is not known; did you mean views?"),
        ("cameras: {gate: {whole: false}}", "leaves nothing to veil"),
        ("gate: {views: {a: [0, 0, 1, 1]}}", "cameras is missing"),
        ("cameras: [", "is no YAML"),
    ],
)
def test_a_file_that_is_none_is_told_in_its_own_words(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "views.yaml").write_text(text)
    with pytest.raises(OptionError, match=r"views file .*views\.yaml.*see docs/how-to/views\.md") as error:
        load_views(tmp_path / "views.yaml")
    assert says in str(error.value)


def test_the_cameras_file_of_the_agent_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(
        "cameras:\n  gate:\n    source: rtsp://user:secret@10.0.0.5/1\n    fps: 1/5\n    watch: {covered: true}\n"
        "    views: {b: [0.5, 0, 1, 1], a: [0, 0, 0.5, 1]}\n    whole: false\n  hall: {source: /videos}\n"
    )
    views = load_views(path)
    camera = SiteCameras.load(path).cameras["gate"]
    asked = views.for_camera("plant", "gate")
    assert dict(asked.views) == dict(camera.views)
    assert asked.whole is camera.whole is False
    assert "secret" not in repr(views)
    assert views.strangers([("plant", "gate")]) == []
    assert CameraSettings.model_fields.keys() == _Camera.model_fields.keys()


def test_the_most_specific_name_counts(tmp_path: Path) -> None:
    path = tmp_path / "views.yaml"
    path.write_text(
        "cameras: {007: {views: {a: [0, 0, 1, 1]}}, b/007: {views: {b: [0, 0, 1, 1]}}, '*': {views: {c: [0, 0, 1, 1]}}}"
    )
    views = load_views(path)
    cameras = [("a", "007"), ("b", "007"), ("b", "gate")]
    assert [list(views.for_camera(*camera).views) for camera in cameras] == [["a"], ["b"], ["c"]]


def test_a_dry_run_counts_what_is_then_veiled(place: Path, tmp_path: Path) -> None:
    settings = _settings(place, tmp_path / "out")
    expected = survey(settings, [str(place / "in")], SILENT)
    assert not (tmp_path / "out").exists()
    summary = _veil(settings, place / "in")
    assert (expected.frames, expected.views) == (summary.frames, summary.views) == (52, 26)
    assert expected.segments == summary.segments
    grid = 10 * 6 + 10 * 9, 10 * 8 + 10 * 10  # cells of video and images: whole 80x48 and 80x60, parts 80x72 and 80x80
    assert expected.expected_gb * 1e9 == pytest.approx((20 * grid[0] + 6 * grid[1]) * 16 * 3 / 8)
    assert any("52 frames (26 of them views)" in line for line in survey_lines(expected))
    assert any("26 of these frames are parts of others" in line for line in veil_summary_lines(summary))


def test_a_plan_has_views_in_columns_and_is_of_the_old_version_without(place: Path, out: Path, tmp_path: Path) -> None:
    plan = load_plan(Path(f"{out}-private"))
    assert len(plan.sources.column("views").combine_chunks().dictionary) == 2
    assert {name: view.rectangle is not None for name, view in plan.views().items()} == {
        ("site", "gate.right"): True, ("site", "tools.corner"): True,
    }  # fmt: skip
    _veil(_settings(place, tmp_path / "plain", None), place / "in")
    plain = pq.read_schema(tmp_path / "plain-private" / PLAN_FILE)
    assert b'"version": 2' in plain.metadata[b"raypp plan"]
    assert "views" not in plain.names
    assert b'"version": 3' in pq.read_schema(Path(f"{out}-private") / PLAN_FILE).metadata[b"raypp plan"]


def test_views_are_shown_as_they_were_veiled(place: Path, out: Path, tmp_path: Path) -> None:
    settings = _settings(place, out)
    worker, reader = SegmentWorker.open(settings), ShardReader(str(out))
    plan = load_plan(settings.private)
    items = {item.source: item for item in plan.items()}
    wanted = find_rows(reader, [row.sample_id for row in _rows(out) if row.timestamp_us in {0, 500_000, 1_200_000}])
    discovery = discover([str(place / "in")])
    rows = {row.sample_id: row for row in _rows(out)}
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


def test_a_site_key_names_the_view_that_it_cannot_veil(place: Path, tmp_path: Path) -> None:
    key = SiteKey.derive_from(VeilKey(bytes(32)), PatchSpec(), "site", ["gate"])
    save_site_key(key, tmp_path / "site.key")
    settings = _settings(place, tmp_path / "out", _VIEWS.partition("  tools")[0], masks_path=None)
    settings = settings.model_copy(update={"key_path": tmp_path / "site.key"})
    with pytest.raises(KeyFileError, match=r"cannot veil camera gate\.right of site site; name one of its cameras"):
        _veil(settings, place / "in" / "gate")
