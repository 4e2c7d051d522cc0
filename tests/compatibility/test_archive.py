"""Archives and keys of an older release: verified, shown and extended."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from raypp.errors import KeyFileError
from raypp.veil.keyfile import load_key, load_owner_key
from tests.command import succeed, summary
from tests.videos import make_image

_OWNER = "e5ed78fdcde32fc0"
_FRAMES, _SOURCES = 7, 4


def _verify(plant: Path, archive: str, *more: object) -> dict[str, Any]:
    succeed(*("verify", plant / "archive" / archive, "--fingerprint", _OWNER, "--json", plant / "verified.json", *more))
    return summary(plant / "verified.json")


def _sample_ids(archive: Path) -> list[str]:
    shards = sorted((archive / "shards").rglob("*.parquet"))
    return [sample_id for shard in shards for sample_id in pq.read_table(shard)["sample_id"].to_pylist()]


def test_an_archive_verifies_with_its_labels_and_its_signature(plant: Path) -> None:
    report = _verify(plant, "veiled")
    assert (report["frames"], report["problems"]) == (_FRAMES, [])
    assert {path.name for path in (plant / "archive/veiled/labels").iterdir()} == {"tools-v1", "video-v1", "by-source"}


def test_an_encrypted_archive_verifies_with_its_data_key(plant: Path) -> None:
    report = _verify(plant, "encrypted", "--data-key", plant / "keys/data.key")
    assert (report["frames"], report["problems"]) == (_FRAMES, [])


def test_every_frame_is_shown_from_sources_that_have_moved(plant: Path) -> None:
    ids = _sample_ids(plant / "archive/veiled")
    succeed(
        *("show", plant / "archive/veiled", *ids, "--key", plant / "keys/owner.key", "--out", plant / "looked"),
        *("--sources", plant / "archive/sources", "--json", plant / "shown.json"),
    )
    shown = summary(plant / "shown.json")
    assert ([frame["sample_id"] for frame in shown["shown"]], shown["problems"]) == (ids, [])
    assert sum(frame["labels"] for frame in shown["shown"]) == 4


def test_an_archive_is_extended_and_what_it_held_stays_byte_for_byte(plant: Path) -> None:
    archive = plant / "archive/veiled"
    before = {path: path.read_bytes() for path in (archive / "shards").rglob("*.parquet")}
    make_image(plant / "archive/sources/bench/new.jpg", seed=9)
    succeed(
        *("veil", plant / "archive/sources", "--out", archive, "--key", plant / "keys/owner.key", "--size", 96),
        *("--fps", 2, "--site", "plant-1", "--on", "local", "--json", plant / "summary.json"),
    )
    assert all(path.read_bytes() == content for path, content in before.items())
    assert _verify(plant, "veiled")["frames"] == _FRAMES + 1
    assert len(_sample_ids(archive)) == _FRAMES + 1


def test_a_run_that_an_older_release_left_half_done_is_finished_to_the_same_bytes(plant: Path) -> None:
    archive = plant / "archive/veiled"
    shards = {path: path.read_bytes() for path in sorted((archive / "shards").rglob("*.parquet"))}
    lost = next(iter(shards))
    lost.unlink()
    succeed(
        *("veil", plant / "archive/sources", "--out", archive, "--key", plant / "keys/owner.key", "--size", 96),
        *("--fps", 2, "--site", "plant-1", "--on", "local", "--json", plant / "summary.json"),
    )
    assert summary(plant / "summary.json")["segments_veiled"] == 1
    assert {path: path.read_bytes() for path in shards} == shards
    assert {path.name for path in (plant / "archive/veiled-private").iterdir()} >= {"plan.parquet", "signed.json"}
    assert not (plant / "archive/veiled-private/plan.json").exists()


def test_key_files_open(plant: Path) -> None:
    keys = plant / "keys"
    owner = load_owner_key(keys / "owner.key")
    assert owner.fingerprint == _OWNER
    assert (load_owner_key(keys / "next.key").fingerprint, load_owner_key(keys / "next.key").epoch) == (
        "955a3681171ef625",
        1,
    )
    assert load_owner_key(keys / "wrapped.key", lambda: "a phrase of the tests").fingerprint == "e156e5d40d369110"
    with pytest.raises(KeyFileError):
        load_owner_key(keys / "wrapped.key", lambda: "another phrase")
    site = load_key(keys / "site.key")
    assert site.veil_id(site.spec) == "ae2410ee963caaf93e4bdda54ac7d363"
