"""Sources stay as they were planned, whatever moves, is copied or arrives, and nothing is done twice."""

import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from raypp.errors import ShardError
from raypp.ingest.job import open_job
from raypp.ingest.plan import VeilPlan
from raypp.ingest.plan_file import OLD_PLAN_FILE, PLAN_FILE, load_plan, save_plan
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_dataset, make_image, make_video


@pytest.fixture
def settings(tmp_path: Path) -> VeilSettings:
    """Of a job on two videos, of which one is cut, some images, and a dataset."""
    save_owner_key(VeilKey(bytes(range(32))), tmp_path / "owner.key")
    make_video(tmp_path / "in" / "cam" / "long.mp4", seconds=3)
    make_video(tmp_path / "in" / "cam" / "short.mp4", seconds=1, seed=1)
    for number in range(5):
        make_image(tmp_path / "in" / f"{number}.jpg", seed=number)
    make_dataset(tmp_path / "in" / "set")
    return VeilSettings(out=str(tmp_path / "out"), key_path=tmp_path / "owner.key", size=96, segment_s=1.0)


def _plan(settings: VeilSettings) -> VeilPlan:
    with open_job(settings, [str(settings.key_path.parent / "in")], SILENT) as job:
        return job.plan


def _urls(plan: VeilPlan) -> dict[str, str]:
    return {item.identity: item.url for item in plan.items()}


def test_a_plan_is_read_as_it_was_written(settings: VeilSettings) -> None:
    plan = _plan(settings)
    again = load_plan(settings.private)
    assert list(again.segments) == list(plan.segments)
    assert [segment.parts for segment in plan.segments] == [2, 2, 1]
    assert plan.source_count == len(list(plan.items())) == 13
    assert plan.source_bytes == sum(item.size for item in plan.items())
    assert plan.segments[-1] == list(plan.segments)[-1]
    with pytest.raises(IndexError):
        plan.segments[len(plan.segments)]
    assert list(plan.segments[1:3]) == list(plan.segments)[1:3]
    assert (settings.private / PLAN_FILE).stat().st_mode & 0o777 == 0o600


def test_segments_that_are_finished_are_left_out(settings: VeilSettings) -> None:
    plan = _plan(settings)
    finished = {plan.segments[0].segment_id, plan.segments[2].segment_id}
    left = [segment for segment in plan.segments if segment.segment_id not in finished]
    assert list(plan.segments.without(finished)) == left
    assert list(plan.segments.without(finished)[:1].without({left[0].segment_id})) == []


def test_a_run_with_nothing_to_do_leaves_the_plan_alone(settings: VeilSettings) -> None:
    first = _plan(settings)
    before = (settings.private / PLAN_FILE).stat()
    again = _plan(settings)
    after = (settings.private / PLAN_FILE).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert list(again.segments) == list(first.segments)


def test_what_moves_is_known_by_its_content_and_a_copy_is_told(settings: VeilSettings) -> None:
    first, place = _plan(settings), settings.key_path.parent / "in"
    (place / "cam" / "long.mp4").rename(place / "cam" / "renamed.mp4")
    shutil.copy(place / "4.jpg", place / "copy.jpg")
    make_image(place / "5.jpg", seed=5)
    second = _plan(settings)
    assert [segment.segment_id for segment in second.segments][:-1] == [item.segment_id for item in first.segments]
    moved = {url for identity, url in _urls(second).items() if _urls(first).get(identity) != url}
    assert moved == {str(place / "cam" / "renamed.mp4"), str(place / "5.jpg")}
    cut = {segment.items[0].url for segment in second.segments if segment.parts > 1}
    assert cut == {str(place / "cam" / "renamed.mp4")}
    copies = [(Path(copy.url).name, Path(copy.original).name) for copy in second.duplicates]
    assert copies == [("copy.jpg", "4.jpg")]
    assert load_plan(settings.private).duplicates == second.duplicates
    assert list(_plan(settings).segments) == list(second.segments)


def test_a_copy_of_a_video_that_is_cut_leaves_all_its_parts_where_they_are(settings: VeilSettings) -> None:
    first, place = _plan(settings), settings.key_path.parent / "in"
    long = place / "cam" / "long.mp4"
    shutil.copy(long, place / "cam" / "z.mp4")
    second = _plan(settings)
    assert list(second.segments) == list(first.segments)
    assert [(copy.url, copy.original) for copy in second.duplicates] == [(str(place / "cam" / "z.mp4"), str(long))]
    shutil.copy(long, place / "cam" / "a.mp4")  # one that comes before it is taken in its place
    third = _plan(settings)
    cut = {segment.items[0].url for segment in third.segments if segment.parts > 1}
    assert cut == {str(place / "cam" / "a.mp4")}
    copies = sorted((Path(copy.url).name, Path(copy.original).name) for copy in third.duplicates)
    assert copies == [("long.mp4", "a.mp4"), ("z.mp4", "a.mp4")]


def test_a_changed_file_is_a_new_source(settings: VeilSettings) -> None:
    first = _plan(settings)
    make_image(settings.key_path.parent / "in" / "0.jpg", seed=99)
    second = _plan(settings)
    assert len(second.segments) == len(first.segments) + 1
    assert second.segments[-1].items[0].url.endswith("/0.jpg")


def test_a_plan_of_an_older_version_is_taken_over(settings: VeilSettings) -> None:
    plan = _plan(settings)
    segments = [segment.model_dump(mode="json") for segment in plan.segments]
    (settings.private / PLAN_FILE).unlink()
    old = {"segments": segments, "quarantined": [], "duplicates": [], "time_from": None, "timezone": "UTC"}
    (settings.private / OLD_PLAN_FILE).write_text(json.dumps(old))
    assert list(load_plan(settings.private).segments) == list(plan.segments)
    assert list(_plan(settings).segments) == list(plan.segments)
    assert not (settings.private / OLD_PLAN_FILE).exists()
    assert (settings.private / PLAN_FILE).exists()


def test_a_plan_that_cannot_be_used_is_named(settings: VeilSettings) -> None:
    plan = _plan(settings)
    path = settings.private / PLAN_FILE
    table = pq.read_table(path)
    newer = {b"raypp plan": json.dumps({"version": 5, "time_from": None, "timezone": "UTC"}).encode()}
    pq.write_table(table.replace_schema_metadata(newer), path)
    with pytest.raises(ShardError, match="version 5, which a newer raypp wrote"):
        load_plan(settings.private)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ShardError, match=r"plan\.parquet is damaged; remove it"):
        load_plan(settings.private)
    path.unlink()
    save_plan(plan, settings.private, VeilPlan())
    assert list(load_plan(settings.private).segments) == list(plan.segments)


def test_label_files_are_read_again_when_they_change(settings: VeilSettings) -> None:
    place = settings.key_path.parent / "in" / "set"
    label = place / "labels" / "train" / "001.txt"

    def classes() -> set[int]:
        with open_job(settings, [str(place)], SILENT) as job:
            boxes = job.labels.datasets[str(place)].by_url()[str(place / "images" / "train" / "001.jpg")].boxes
            return {box.class_id for box in boxes}

    assert classes() == {1}
    status = label.stat()
    label.write_text("0 0.5 0.5 0.25 0.5\n")
    os.utime(label, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert classes() == {1}  # of the same size and time: not read
    os.utime(label, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert classes() == {0}
    label.write_text("7 0.5 0.5 0.25 0.5\n")
    with open_job(settings, [str(place)], SILENT) as job:
        assert len(job.labels.problems) == 1
    with open_job(settings, [str(place)], SILENT) as job:
        assert len(job.labels.problems) == 1
    (place / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [a, b, c, d, e, f, g, h]\n")
    assert classes() == {7}
