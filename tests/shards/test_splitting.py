"""Splits keep neighbours together, count every frame once, and come out the same each time."""

from dataclasses import replace
from pathlib import Path

import pytest

from raypp.errors import ConflictError, LabelError, OptionError
from raypp.geometry.boxes import Box
from raypp.shards.labels import SampleLabels, list_versions, read_labels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.schema import HEADER_FILE
from raypp.shards.split_by import SplitBy
from raypp.shards.splitting import Split, write_split
from raypp.shards.store import Store
from tests.command import raypp, succeed
from tests.shards.archives import VEIL_ID, header, row, write_segment

_VIDEOS, _FRAMES, _STEP_US = 10, 20, 200_000


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    store = Store(str(tmp_path / "veiled"))
    store.write_atomic(HEADER_FILE, header().to_bytes())
    labels = []
    for video in range(_VIDEOS):
        numbers = range(video * _FRAMES, (video + 1) * _FRAMES)
        rows = [row(n, f"video-{video}", timestamp_us=(n % _FRAMES) * _STEP_US) for n in numbers]
        write_segment(store, video, rows)
        labels += [
            SampleLabels(shard_row.sample_id, "unsplit", (Box(0, 0.5, 0.5, 0.1, 0.1),)) for shard_row in rows[1:]
        ]
    write_labels(store, "video-v1", ("hammer",), VEIL_ID, labels)
    compile_manifest(store, header())
    return tmp_path / "veiled"


def _number(sample_id: str) -> tuple[int, int]:
    return divmod(int(sample_id, 16), _FRAMES)


def test_by_time_the_end_of_each_video_is_val_after_a_gap(archive: Path) -> None:
    table = write_split(ShardReader(str(archive)), None, "split", Split(SplitBy.TIME, 0.25, gap_s=0.5))
    for video in range(_VIDEOS):
        mine = {
            _number(labels.sample_id)[1]: labels.split for labels in table.rows if _number(labels.sample_id)[0] == video
        }
        val = {number for number, split in mine.items() if split == "val"}
        train = {number for number, split in mine.items() if split == "train"}
        assert val == set(range(15, 20))
        assert train == set(range(1, 13)), "frame 0 has no label; 13 and 14 are nearer than half a second"
    assert all(labels.boxes for labels in table.rows)


def test_by_source_videos_stay_whole(archive: Path) -> None:
    table = write_split(ShardReader(str(archive)), "video-v1", "split", Split(SplitBy.SOURCE, 0.3, gap_s=0))
    videos = {(_number(labels.sample_id)[0], labels.split) for labels in table.rows}
    assert len(videos) == _VIDEOS
    assert sum(split == "val" for _, split in videos) == 3
    assert len(table.rows) == _VIDEOS * (_FRAMES - 1)


def test_the_same_split_again_is_the_same_version_and_another_is_refused(archive: Path) -> None:
    reader = ShardReader(str(archive))
    first = write_split(reader, "video-v1", "split", Split(SplitBy.TIME, 0.2, 1))
    assert write_split(reader, None, "split", Split(SplitBy.TIME, 0.2, 1)) == first
    with pytest.raises(ConflictError, match="split"):
        write_split(reader, "video-v1", "split", Split(SplitBy.TIME, 0.5, 1))


def test_versions_of_several_sources_are_joined_by_the_names_of_their_classes(archive: Path) -> None:
    reader = ShardReader(str(archive))
    first = read_labels(reader.store, "video-v1")
    halves = [row for row in first.rows if _number(row.sample_id)[0] < 5], first.rows[5 * (_FRAMES - 1) :]
    write_labels(reader.store, "a", ("hammer", "saw"), VEIL_ID, halves[0])
    others = [replace(row, boxes=(*row.boxes, replace(row.boxes[0], class_id=1))) for row in halves[1]]
    write_labels(reader.store, "b", ("pliers", "hammer"), VEIL_ID, others)
    words = ("split", archive, "--name", "both", "--val", "0.25", "--gap-seconds", "0.5")
    succeed(*words, "--labels", "a", "--labels", "b")
    table = read_labels(reader.store, "both")
    assert table.classes == ("hammer", "saw", "pliers")
    alone = write_split(reader, "video-v1", "alone", Split(SplitBy.TIME, 0.25, gap_s=0.5))
    assert [(row.sample_id, row.split) for row in table.rows] == [(row.sample_id, row.split) for row in alone.rows]
    numbers = {_number(row.sample_id)[0] < 5: tuple(box.class_id for box in row.boxes) for row in table.rows}
    assert numbers == {True: (0,), False: (2, 0)}
    with pytest.raises(LabelError, match=r"version video-v1 has frame \w+, which another one has, too"):
        write_split(reader, ["a", "video-v1"], "twice", Split())
    assert "twice" not in list_versions(reader.store)


def test_a_split_without_train_or_val_frames_is_refused(archive: Path) -> None:
    with pytest.raises(LabelError, match="no train"):
        write_split(ShardReader(str(archive)), None, "split", Split(SplitBy.TIME, 0.2, 1000))
    with pytest.raises(OptionError, match="between 0 and 1"):
        Split(SplitBy.TIME, 1.0, 0)


def test_the_command_says_what_came_of_it(archive: Path) -> None:
    done = succeed("split", archive, "--name", "shift-a", "--by", "source", "--val", 0.2)
    assert "shift-a: 152 train, 38 val frames" in done.stderr
    refused = raypp("split", archive, "--name", "other")
    assert refused.returncode == 1
    assert "shift-a, video-v1" in refused.stderr
