"""A diff counts what was added, removed and changed, by the names of classes and places."""

from pathlib import Path

import pytest

from raypp.datasets.diff import Change, ClassChange, diff_versions
from raypp.datasets.version import find_version
from raypp.errors import LabelError, ShardError
from raypp.geometry.boxes import Box
from raypp.shards.encryption import DataKey
from raypp.shards.labels import read_labels
from raypp.shards.manifest import read_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.tags import write_tag
from tests.datasets.archives import DRILL, HAMMER, TRAIN, VAL, grow, label, sample_archive
from tests.shards.archives import shard_path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An archive whose first version is tagged; since then a site and a class came, and labels changed."""
    store = sample_archive(tmp_path)
    write_tag(store, "first", read_manifest(store), read_labels(store, "video-v1"))
    grow(store, 2, "yard")
    renumbered = Box(0, DRILL.x, DRILL.y, DRILL.w, DRILL.h)
    hammer = Box(1, HAMMER.x, HAMMER.y, HAMMER.w, HAMMER.h)
    moved = Box(1, 0.6, 0.5, 0.1, 0.1)
    label(
        store,
        "second",
        {
            0: (TRAIN, (moved,)),  # the box has another place
            1: (VAL, (hammer, renumbered)),  # the same boxes, in another split
            20: (TRAIN, (Box(2, 0.5, 0.5, 0.2, 0.2),)),
            21: (TRAIN, ()),
        },
        ("drill", "hammer", "saw"),
    )
    return store


def test_a_diff_counts_frames_boxes_classes_and_places(store: Store) -> None:
    diff = diff_versions(ShardReader(store.root), find_version(store, "first"), find_version(store, "second"))
    assert diff.frames == Change(before=8, after=12, added=4, removed=0)
    assert diff.labelled == Change(before=3, after=4, added=2, removed=1)
    assert (diff.relabelled, diff.moved, diff.renumbered) == (1, 1, True)
    assert diff.boxes == Change(before=3, after=4, added=2, removed=1)
    assert diff.splits == {
        TRAIN: Change(before=2, after=3, added=2, removed=1),
        VAL: Change(before=1, after=1, added=1, removed=1),
    }
    assert diff.classes == {
        "hammer": ClassChange(before=2, after=2),
        "drill": ClassChange(before=1, after=1),
        "saw": ClassChange(before=None, after=1),
    }
    assert [(change.site, change.frames.added, change.labelled.removed) for change in diff.sites] == [
        ("plant", 0, 1),
        ("yard", 4, 0),
    ]
    assert [(change.source, change.labelled.added) for change in diff.sources] == [("video-1", 0), ("video-2", 2)]


def test_a_version_differs_from_itself_in_nothing(store: Store) -> None:
    version = find_version(store, "second")
    diff = diff_versions(ShardReader(store.root), version, version)
    assert diff.is_empty
    assert (diff.relabelled, diff.moved, diff.boxes.added, diff.frames.removed) == (0, 0, 0, 0)
    assert (diff.sites, diff.sources) == ((), ())


def test_the_way_back_swaps_what_was_added_and_removed(store: Store) -> None:
    first, second, reader = find_version(store, "first"), find_version(store, "second"), ShardReader(store.root)
    there, back = diff_versions(reader, first, second), diff_versions(reader, second, first)
    for one_way, other_way in ((there.boxes, back.boxes), (there.labelled, back.labelled)):
        assert (one_way.added, one_way.removed) == (other_way.removed, other_way.added)


def test_a_version_is_found_by_tag_labels_and_digits(store: Store) -> None:
    first = find_version(store, "first")
    assert not first.current
    assert first.labels.version == "video-v1"
    assert find_version(store, first.digest[:6]) == first
    assert find_version(store, "video-v1").digest != first.digest, "the archive has grown since"
    with pytest.raises(ShardError, match="no dataset version third; there are: "):
        find_version(store, "third")
    with pytest.raises(ShardError, match="no dataset version"):
        find_version(store, first.digest[:5])
    with pytest.raises(LabelError, match="label versions second, video-v1; choose"):
        find_version(store, None)


def test_a_version_whose_shard_is_gone_cannot_be_compared(store: Store) -> None:
    store.delete(shard_path(1))
    with pytest.raises(ShardError, match="raypp verify"):
        diff_versions(ShardReader(store.root), find_version(store, "first"), find_version(store, "second"))


def test_encrypted_archives_are_compared_with_their_key(tmp_path: Path) -> None:
    key = DataKey.generate()
    store = sample_archive(tmp_path, key)
    write_tag(store, "first", read_manifest(store), read_labels(store, "video-v1"))
    grow(store, 2)
    diff = diff_versions(ShardReader(store.root, key), find_version(store, "first"), find_version(store, "video-v1"))
    assert (diff.frames.added, diff.labelled.added) == (4, 0)
    with pytest.raises(ShardError, match="encrypted"):
        find_version(Store(store.root), "first")
