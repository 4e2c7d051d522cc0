"""Labels of a veil job: counted, never dropped without a word, and of videos on the very frame they were drawn on."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from raypp.errors import LabelError, MediaError
from raypp.geometry.letterbox import Letterbox
from raypp.ingest import plan
from raypp.ingest.dry_run import survey
from raypp.ingest.job import open_job, veil_here
from raypp.ingest.segment import Item
from raypp.ingest.settings import VeilSettings
from raypp.ingest.summary import VeilSummary, veil_summary_lines
from raypp.media.dataset import LabelCount
from raypp.media.label_reads import LabelRead
from raypp.progress import SILENT
from raypp.shards.labels import SampleLabels, read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_dataset, make_image, make_video

WIDTH, HEIGHT, FPS, SECONDS = 160, 96, 10, 4
"""Of the video: its red square of 32 pixels starts at (0, 16) and moves by 3 pixels a frame."""


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "owner.key"
    save_owner_key(VeilKey.generate(), path)
    return path


def _settings(key: Path, out: Path, rate: int | None = None) -> VeilSettings:
    fps = None if rate is None else Fraction(rate)
    return VeilSettings(out=str(out), private=Path(f"{out}-private"), key_path=key, size=160, fps=fps)


def _veil(settings: VeilSettings, *sources: Path, allow: bool = False) -> VeilSummary:
    with open_job(settings, [str(source) for source in sources], SILENT, allow_unlabelled=allow) as job:
        return job.run(veil_here, SILENT, None, None)


def _printed(summary: VeilSummary) -> str:
    return "\n".join(veil_summary_lines(summary))


def _rows(summary: VeilSummary) -> list[SampleLabels]:
    (version,) = summary.label_versions
    return list(read_labels(Store(summary.out), version).rows)


def test_images_with_without_and_with_unread_labels_are_counted(key: Path, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools", count=9)
    (root / "labels" / "train" / "001.txt").unlink()
    (root / "labels" / "train" / "002.txt").write_text("7 0.5 0.5 0.1 0.1\n")
    (root / "labels" / "train" / "004.txt").write_bytes(b"\xef\xbb\xbf0.0 0.9 0.5 0.21 0.2\n0 0.9 0.5 0.21 0.2\n")
    (root / "labels" / "train" / "005.txt").write_text("")
    summary = _veil(_settings(key, tmp_path / "out"), root)
    assert summary.label_count == LabelCount(labelled=7, without=1, unread=1)
    assert (summary.boxes_clipped, summary.rows_repeated) == (1, 1)
    assert summary.needs_attention
    assert len(_rows(summary)) == 8, "all but the unread one"
    lines = _printed(summary)
    assert "7 images, 1 without labels, 1 with labels that cannot be used; 1 box clipped to the image" in lines
    assert "1 images without a label file count as looked at and empty" in lines
    assert "002.txt:1: class index 7" in lines


def test_labels_of_each_image_are_made_once(key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads, make = [], LabelRead.labels.fget
    monkeypatch.setattr(LabelRead, "labels", property(lambda read: (reads.append(read), make(read))[1]))
    summary = _veil(_settings(key, tmp_path / "out"), make_dataset(tmp_path / "tools", count=9))
    assert len(_rows(summary)) == len(reads) == 9


def test_the_end_of_a_job_makes_no_value_of_each_source(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = make_dataset(tmp_path / "good", count=9), make_dataset(tmp_path / "bad", count=9)
    (bad / "images" / "train" / "broken.jpg").write_bytes(b"no image")
    firsts = [_veil(_settings(key, tmp_path / "out" / root.name), root) for root in (good, bad)]
    values: list[Item] = []
    monkeypatch.setattr(plan, "_item", lambda row, make=plan._item: values.append(make(row)) or values[-1])
    for root, first, most in zip((good, bad), firsts, (0, 10), strict=True):
        again = _veil(_settings(key, tmp_path / "out" / root.name), root)
        assert again.quarantined == first.quarantined
        assert bool(again.quarantined) == bool(most)
        assert _rows(again) == _rows(first)
        assert len(values) <= most, "none but those of a segment with a broken image"


def test_an_image_whose_content_changed_is_labelled_as_it_is_now(key: Path, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools", count=9)
    first = {row.sample_id for row in _rows(_veil(_settings(key, tmp_path / "out"), root))}
    make_image(root / "images" / "train" / "001.jpg", 120, 90)
    (root / "labels" / "train" / "001.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    summary = _veil(_settings(key, tmp_path / "out"), root)
    (version,) = summary.label_versions
    now = read_labels(Store(summary.out), version).by_sample()
    assert len(now) == 9, "the former content is labelled no more"
    (changed,) = set(now) - first
    (box,) = now[changed].boxes
    assert box.w == pytest.approx(0.5)


def test_two_images_of_one_plain_name_have_the_labels_of_their_own(key: Path, tmp_path: Path) -> None:
    first, second = make_dataset(tmp_path / "a" / "tools", count=3), make_dataset(tmp_path / "b" / "saws", count=3)
    for path in (second / "labels").rglob("*.txt"):
        path.write_text("0 0.5 0.5 0.9 0.9\n")
    for number, path in enumerate(sorted((second / "images").rglob("*.jpg"))):
        make_image(path, 90 + number, 120)
    settings = _settings(key, tmp_path / "out").model_copy(update={"plain_names": True})
    summary = _veil(settings, first, second)
    tables = [read_labels(Store(summary.out), version) for version in summary.label_versions]
    assert sorted(len(table.rows) for table in tables) == [3, 3]
    ids = [set(table.by_sample()) for table in tables]
    assert not ids[0] & ids[1]
    by_name = {table.version: table for table in tables}
    assert {round(box.h, 1) for row in by_name["saws-v1"].rows for box in row.boxes} == {0.9}


def test_the_dry_run_counts_labels_too(key: Path, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    (root / "labels" / "train" / "002.txt").write_text("7 0.5 0.5 0.1 0.1\n")
    survey_made = survey(_settings(key, tmp_path / "out"), [str(root)], SILENT)
    assert survey_made.label_count == LabelCount(labelled=5, unread=1)
    assert "002.txt:1" in survey_made.label_problems[0]


@pytest.mark.parametrize(("unread", "counts"), [(False, "(4 have none, of 0"), (True, "(0 have none, of 4")])
def test_a_dataset_mostly_without_labels_needs_leave(unread: bool, counts: str, key: Path, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "tools")
    for label in (root / "labels" / "train").iterdir():
        label.write_text("9 0.5 0.5 0.1 0.1\n") if unread else label.unlink()
    settings = _settings(key, tmp_path / "out")
    with pytest.raises(LabelError) as caught:
        _veil(settings, root)
    for words in ("tools: 4 of 6 images", counts, "`allow_unlabelled`"):
        assert words in str(caught.value)
    assert not (tmp_path / "out").exists(), "nothing is begun"
    assert _veil(settings, root, allow=True).frames == 6


def test_loose_images_whose_labels_nothing_names_the_classes_of_need_leave(key: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    settings = _settings(key, tmp_path / "out")
    with pytest.raises(LabelError, match=r"classes\.txt .* `allow_unlabelled`"):
        _veil(settings, tmp_path / "in")
    summary = _veil(settings, tmp_path / "in", allow=True)
    assert summary.label_count == LabelCount(unread=1)
    assert summary.needs_attention


def test_formats_that_are_not_read_are_named_with_those_that_are(key: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    (tmp_path / "in" / "a.xml").write_text("<annotation><filename>a.jpg</filename><object/></annotation>")
    with pytest.raises(LabelError, match=r"Pascal VOC XML, which is not read .*COCO JSON, CVAT XML"):
        _veil(_settings(key, tmp_path / "out"), tmp_path / "in")


def test_sources_that_hold_nothing_to_veil_are_an_error(key: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.docx").write_text("x")
    with pytest.raises(MediaError, match=r"no video and no image among 1 other file \(.*/in/notes\.docx\); name"):
        _veil(_settings(key, tmp_path / "out"), tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_footage_without_labels_says_where_they_come_from(key: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg")
    summary = _veil(_settings(key, tmp_path / "out"), tmp_path / "in")
    assert not summary.needs_attention
    assert "labels        none yet; docs/reference/labels.md" in _printed(summary)


def test_labels_of_an_image_of_another_shape_are_left_out_and_told(key: Path, tmp_path: Path) -> None:
    make_image(tmp_path / "in" / "a.jpg", 120, 90)
    make_image(tmp_path / "in" / "b.jpg", 120, 90, seed=1)
    images = [
        {"id": 1, "file_name": "a.jpg", "width": 90, "height": 120},
        {"id": 2, "file_name": "b.jpg", "width": 240, "height": 180},
    ]
    boxes = [{"id": number, "image_id": number, "category_id": 1, "bbox": [0, 0, 45, 45]} for number in (1, 2)]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "saw"}]}
    (tmp_path / "in" / "coco.json").write_text(json.dumps(document))
    summary = _veil(_settings(key, tmp_path / "out"), tmp_path / "in")
    assert "labels are of an image of 90x120, and it has 120x90" in summary.label_problems[0]
    assert summary.label_count == LabelCount(labelled=1, unread=1)
    (row,) = _rows(summary)
    assert [(box.w, box.h) for box in row.boxes] == [(pytest.approx(0.1875), pytest.approx(0.1875))]


def _track(frames: range) -> str:
    places = "".join(
        f'<box frame="{frame}" outside="0" keyframe="1" xtl="{3 * frame}" ytl="16" xbr="{3 * frame + 32}" ybr="48"/>'
        for frame in (frames.start, frames.stop - 1)
    )
    end = f'<box frame="{frames.stop}" outside="1" keyframe="1" xtl="0" ytl="16" xbr="32" ybr="48"/>'
    return f'<track id="0" label="tool">{places}{end}</track>'


def _cvat(path: Path, frames: range) -> None:
    path.write_text(
        "<annotations><version>1.1</version><meta><task><size>40</size><start_frame>0</start_frame>"
        "<stop_frame>39</stop_frame><labels><label><name>tool</name></label></labels><original_size>"
        f"<width>{WIDTH}</width><height>{HEIGHT}</height></original_size><source>video.mp4</source></task></meta>"
        f"{_track(frames)}</annotations>"
    )


@pytest.mark.parametrize("rate", [None, 4])
def test_labels_by_frame_lie_on_the_frames_that_are_veiled(rate: int | None, key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "video.mp4", SECONDS, FPS, WIDTH, HEIGHT)
    _cvat(tmp_path / "in" / "annotations.xml", range(2, 30))
    summary = _veil(_settings(key, tmp_path / "out", rate), tmp_path / "in")
    times = {
        row["sample_id"]: row["timestamp_us"]
        for batch in ShardReader(summary.out).iterate(("sample_id", "timestamp_us"))
        for row in batch.rows.to_pylist()
    }
    rows = _rows(summary)
    assert len(rows) == len(times) == (40 if rate is None else 16)
    window = Letterbox(160, 16, WIDTH, HEIGHT)
    for row in rows:
        frame = round(times[row.sample_id] * FPS / 1e6)
        assert len(row.boxes) == (2 <= frame < 30)
        for box in row.boxes:
            assert box.x == pytest.approx(window.normalised_to_square([[(3 * frame + 16) / WIDTH, 0, 0, 0]])[0][0])
    empty = sum(not row.boxes for row in rows)
    assert f"{len(rows)} of {len(rows)} veiled frames labelled" in summary.label_notes[-1]
    assert f"{empty} of them as empty" in summary.label_notes[-1]
    assert not summary.needs_attention


def test_a_video_with_a_sidecar_and_a_document_is_told(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "video.mp4", 1, FPS, WIDTH, HEIGHT)
    _cvat(tmp_path / "in" / "video.xml", range(2, 9))
    (tmp_path / "in" / "video.labels.csv").write_text("time_s,class,x,y,w,h\n0.1,,,,,\n")
    summary = _veil(_settings(key, tmp_path / "out"), tmp_path / "in")
    assert "video.xml and a sidecar both label" in summary.label_problems[0]
    assert not summary.label_versions


def test_frames_that_a_document_labels_beyond_the_end_are_told(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "video.mp4", 1, FPS, WIDTH, HEIGHT)
    _cvat(tmp_path / "in" / "video.xml", range(2, 9))
    summary = _veil(_settings(key, tmp_path / "out"), tmp_path / "in")
    assert "labels frames up to 39" in summary.label_problems[0]
    assert "has 10" in summary.label_problems[0]


def test_coco_labels_of_a_videos_frames_are_taken_for_the_video(key: Path, tmp_path: Path) -> None:
    make_video(tmp_path / "in" / "video.mp4", 1, FPS, WIDTH, HEIGHT)
    images = [{"id": n, "file_name": f"frame_{n:06}.PNG", "width": WIDTH, "height": HEIGHT} for n in range(4)]
    boxes = [{"id": 1, "image_id": 3, "category_id": 1, "bbox": [9, 16, 32, 32]}]
    document = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "tool"}]}
    (tmp_path / "in" / "instances_default.json").write_text(json.dumps(document))
    summary = _veil(_settings(key, tmp_path / "out"), tmp_path / "in")
    assert sorted(len(row.boxes) for row in _rows(summary)) == [0, 0, 0, 1], (
        "frames that are not listed are not labelled"
    )
