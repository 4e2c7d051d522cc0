"""A training by tag, digest or pin file has that version, whatever the archive has gained since."""

from pathlib import Path

import pytest

from raypp.datasets.pin import pinned_digest, write_pin
from raypp.datasets.version import find_version
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.errors import OptionError, ShardError
from raypp.shards.labels import read_labels
from raypp.shards.manifest import compile_manifest, read_manifest
from raypp.shards.store import Store
from raypp.shards.tags import write_tag
from tests.datasets.archives import TRAIN, grow, label, sample_archive
from tests.shards.archives import header, row, segment, write_segment


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = sample_archive(tmp_path)
    write_tag(store, "baseline", read_manifest(store), read_labels(store, "video-v1"))
    return store


def test_a_version_stays_the_same_when_the_archive_grows(store: Store, tmp_path: Path) -> None:
    before = VeiledDataset.open(store.root, None)
    write_pin(find_version(store, "baseline"), tmp_path / "dataset.json")
    grow(store, 2)
    label(store, "more", {20: (TRAIN, ())}, ("hammer",))
    for named, tag in (("baseline", "baseline"), (before.version[:8], None), (str(tmp_path / "dataset.json"), None)):
        opened = VeiledDataset.open(store.root, None, named=named)
        assert (opened.version, opened.labels_version, opened.tag) == (before.version, "video-v1", tag)
        assert (opened.splits, opened.shard_bytes) == (before.splits, before.shard_bytes)
    assert VeiledDataset.open(store.root, "video-v1").version != before.version


def test_another_label_version_beside_a_dataset_version_is_refused(store: Store) -> None:
    label(store, "more", {0: (TRAIN, ())}, ("hammer",))
    with pytest.raises(OptionError, match="`labels_version` more is not of dataset version baseline, which has labels"):
        VeiledDataset.open(store.root, "more", named="baseline")
    assert VeiledDataset.open(store.root, "video-v1", named="baseline").tag == "baseline"


def test_a_pin_of_what_the_archive_no_longer_has_is_refused(store: Store, tmp_path: Path) -> None:
    write_pin(find_version(store, "video-v1"), tmp_path / "dataset.json")
    write_segment(store, 1, [row(10, "video-1", width=200)])
    compile_manifest(store, header())
    with pytest.raises(ShardError, match=f"no longer has segment {segment(1)}"):
        VeiledDataset.open(store.root, None, named=str(tmp_path / "dataset.json"))
    store.delete("tags/baseline.json")
    with pytest.raises(ShardError, match="no dataset version"):
        VeiledDataset.open(store.root, None, named=str(tmp_path / "dataset.json"))


def test_what_is_no_pin_file_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"give one that ends in \.json"):
        write_pin(find_version(store, "baseline"), tmp_path / "dataset.txt")
    with pytest.raises(OptionError, match="raypp dataset pin"):
        pinned_digest(str(tmp_path / "gone.json"))
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(OptionError, match="is no pin file"):
        pinned_digest(str(tmp_path / "other.json"))
