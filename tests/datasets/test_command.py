"""The commands of `raypp dataset`, as people give them."""

import re
from pathlib import Path

import pytest

from raypp.shards.store import Store
from tests.command import raypp, succeed, summary
from tests.datasets.archives import DRILL, TRAIN, VAL, grow, label, sample_archive


@pytest.fixture
def veiled(tmp_path: Path) -> Path:
    store = sample_archive(tmp_path)
    label(store, "by-time", {0: (TRAIN, ()), 11: (VAL, (DRILL,))}, ("hammer", "drill"))
    return tmp_path / "veiled"


def test_versions_are_listed_tagged_compared_and_freed(veiled: Path, tmp_path: Path) -> None:
    written = tmp_path / "found.json"
    succeed("dataset", "tag", veiled, "baseline", "--version", "video-v1", "--json", written)
    pinned = summary(written)["version"]
    grow(Store(str(veiled)), 2)
    shown = succeed("dataset", "log", veiled, "--json", written).stdout
    logged = {version["labels"]: version for version in summary(written)["versions"] if version["current"]}
    (kept,) = [version for version in summary(written)["versions"] if not version["current"]]
    assert (kept["version"], kept["tags"], kept["frames"], kept["sources"]) == (pinned, ["baseline"], 8, 2)
    assert (logged["video-v1"]["frames"], logged["video-v1"]["sources"], logged["video-v1"]["boxes"]) == (12, 3, 3)
    assert re.search(rf"{pinned[:12]} .* video-v1 +8 +3 +3 +2 +2 +baseline \(kept by its tag\)", shown)
    shown = succeed("dataset", "diff", veiled, "baseline", "by-time", "--json", written).stdout
    assert "boxes         3 to 1 (+1 -3)" in shown
    assert summary(written)["labelled"] == {"before": 3, "after": 2, "added": 1, "removed": 2}
    succeed("dataset", "pin", veiled, "--version", "baseline", "--out", tmp_path / "dataset.json")
    assert summary(tmp_path / "dataset.json")["version"] == pinned
    assert "untagged      baseline" in succeed("dataset", "untag", veiled, "baseline").stderr
    done = raypp("dataset", "diff", veiled, "baseline", "by-time")
    assert done.returncode == 1
    assert done.stderr.startswith(f"raypp: archive {veiled} has no dataset version baseline; there are: ")
    assert len(done.stderr.splitlines()) == 1
