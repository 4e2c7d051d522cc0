"""A tag fixes a dataset version by digest, outlives what is added, and is named by whatever would change it."""

from pathlib import Path

import pytest

from raypp.errors import ConflictError, OptionError, ShardError
from raypp.geometry.boxes import Box
from raypp.shards.encryption import DataKey
from raypp.shards.labels import LabelTable, SampleLabels, dataset_version, write_labels
from raypp.shards.manifest import compile_manifest, read_manifest
from raypp.shards.store import Store
from raypp.shards.tags import hold_to_tags, pinned_by, read_tags, remove_tag, tagged_manifest, write_tag
from raypp.shards.verification import verify
from tests.shards.archives import VEIL_ID, header, row, segment, shard_path, write_archive, write_segment


def _label(store: Store, version: str, frames: int = 15) -> LabelTable:
    rows = [SampleLabels(f"{number:032x}", "train", (Box(0, 0.5, 0.5, 0.1, 0.1),)) for number in range(frames)]
    return write_labels(store, version, ("hammer",), VEIL_ID, rows)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "veiled"))
    write_archive(store)
    _label(store, "video-v1")
    return store


def _extend(store: Store, number: int = 9) -> None:
    write_segment(store, number, [row(100 + number, f"video-{number}")])
    compile_manifest(store, header())


def test_a_tag_keeps_its_version_when_the_archive_grows(store: Store) -> None:
    before, labels = read_manifest(store), _label(store, "video-v1")
    tag = write_tag(store, "baseline", before, labels)
    _extend(store)
    assert read_manifest(store).digest != before.digest
    assert tag.version == dataset_version(tagged_manifest(store, tag), labels)
    assert tagged_manifest(store, tag) == before
    assert verify(store.root).problems == ()


def test_whatever_would_change_a_pinned_segment_or_its_labels_learns_the_tag(store: Store) -> None:
    write_tag(store, "baseline", read_manifest(store), _label(store, "video-v1"))
    _label(store, "video-v2", 5)
    _extend(store)
    assert pinned_by(store, segments=[segment(1)]) == ("baseline",)
    assert pinned_by(store, labels=["video-v1"]) == ("baseline",)
    assert pinned_by(store, segments=[segment(9)], labels=["video-v2"]) == ()
    remove_tag(store, "baseline")
    assert pinned_by(store, segments=[segment(1)], labels=["video-v1"]) == ()
    assert store.listing("tags") == []


def test_tags_of_one_manifest_share_its_copy(store: Store) -> None:
    manifest = read_manifest(store)
    write_tag(store, "a", manifest, _label(store, "video-v1"))
    other = write_tag(store, "b", manifest, _label(store, "video-v2", 5))
    assert len(store.listing("tags")) == 3
    remove_tag(store, "a")
    assert tagged_manifest(store, other) == manifest


def test_a_name_is_given_once_and_can_be_given_back(store: Store) -> None:
    manifest, labels = read_manifest(store), _label(store, "video-v1")
    first = write_tag(store, "baseline", manifest, labels)
    assert write_tag(store, "baseline", manifest, labels) == first
    other = _label(store, "video-v2", 5)
    with pytest.raises(ConflictError, match=f"tag baseline of .* names version {first.version}"):
        write_tag(store, "baseline", manifest, other)
    remove_tag(store, "baseline")
    assert write_tag(store, "baseline", manifest, other).labels == "video-v2"
    with pytest.raises(ShardError, match="no tag gone; there are: baseline"):
        remove_tag(store, "gone")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "cafe12", "video-v1", "x" * 101])
def test_a_name_that_is_no_tag_or_reads_as_something_else_is_refused(store: Store, name: str) -> None:
    with pytest.raises(OptionError, match="choose another"):
        write_tag(store, name, read_manifest(store), _label(store, "video-v1"))
    assert read_tags(store) == ()


def test_a_pinned_segment_that_comes_out_otherwise_is_refused_with_the_tag(store: Store) -> None:
    write_tag(store, "baseline", read_manifest(store), _label(store, "video-v1"))
    write_segment(store, 1, [row(5 + number) for number in range(5)], 1, 3)
    hold_to_tags(store)  # the same content again
    write_segment(store, 1, [row(5 + number, width=300) for number in range(5)], 1, 3)
    with pytest.raises(ConflictError, match="than tag baseline pins it"):
        hold_to_tags(store)
    remove_tag(store, "baseline")
    hold_to_tags(store)


def test_verify_tells_a_tag_whose_shards_or_labels_are_not_as_it_pins_them(store: Store) -> None:
    write_tag(store, "baseline", read_manifest(store), _label(store, "video-v1"))
    store.delete(shard_path(1))
    write_segment(store, 1, [row(5 + number, width=300) for number in range(5)], 1, 3)
    compile_manifest(store, header())
    assert [problem for problem in verify(store.root).problems if "tag" in problem] == [
        "tag baseline pins 1 segments that are missing or changed; restore the archive, or untag it"
    ]
    store.delete("labels/video-v1/labels.parquet")
    assert any("tag baseline: archive" in problem for problem in verify(store.root).problems)


def test_an_altered_tag_is_told(store: Store) -> None:
    tag = write_tag(store, "baseline", read_manifest(store), _label(store, "video-v1"))
    store.write_atomic("tags/other.json", tag.model_dump_json().encode())
    with pytest.raises(ShardError, match=r"other\.json holds tag 'baseline'"):
        read_tags(store)
    store.write_atomic("tags/other.json", b"{}")
    with pytest.raises(ShardError, match=r"other\.json is damaged"):
        pinned_by(store, labels=["video-v1"])


def test_tags_of_an_encrypted_archive_hold_no_manifest_in_the_clear(tmp_path: Path) -> None:
    key = DataKey.generate()
    store = Store(str(tmp_path / "veiled"), key)
    manifest = write_archive(store, key)
    tag = write_tag(store, "baseline", manifest, _label(store, "video-v1"))
    assert tagged_manifest(store, tag) == manifest
    copy = next(name for name in store.listing("tags") if name.endswith(".parquet"))
    assert store.read(copy)[:4] == b"PARE"
    with pytest.raises(ShardError, match="encrypted"):
        pinned_by(Store(store.root), segments=[segment(1)])
