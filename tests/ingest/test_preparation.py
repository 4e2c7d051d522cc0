"""Prepared archives: the header says how, each frame is prepared before it is veiled, and an older raypp would know."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.errors import ConflictError, ShardError
from raypp.ingest.run import run_veil
from raypp.ingest.settings import VeilSettings
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader
from raypp.shards.verification import verify
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.preparation import Preparation

_PREPARATION, _NONE = Preparation(flatten=True, denoise=4), Preparation()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `owner.key` and two shaded images."""
    place = tmp_path_factory.mktemp("prepared")
    save_owner_key(VeilKey.generate(), place / "owner.key")
    (place / "in").mkdir()
    generator = np.random.default_rng(0)
    for number in range(2):
        light = np.linspace(220, 90, 160)[None].repeat(120, axis=0)
        light[40:60, 30 + 40 * number : 50 + 40 * number] *= 0.5
        noisy = (light + generator.normal(0, 4, light.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(place / "in" / f"{number}.png")
    return place


def _settings(place: Path, out: Path, preparation: Preparation = _NONE) -> VeilSettings:
    return VeilSettings(out=str(out), key_path=place / "owner.key", size=160, preparation=preparation)


def _codes(out: Path) -> list[bytes]:
    return [
        row["code"] for batch in ShardReader(str(out)).iterate(["sample_id", "code"]) for row in batch.rows.to_pylist()
    ]


def test_a_prepared_archive_says_so_and_is_another_than_one_that_is_not(place: Path, tmp_path: Path) -> None:
    run_veil(_settings(place, tmp_path / "plain"), [str(place / "in")])
    run_veil(_settings(place, tmp_path / "prepared", _PREPARATION), [str(place / "in")])
    run_veil(_settings(place, tmp_path / "again", _PREPARATION), [str(place / "in")])
    plain, prepared = (ShardReader(str(tmp_path / name)).header for name in ("plain", "prepared"))
    assert (prepared.schema_version, prepared.preparation) == (4, _PREPARATION)
    assert plain.schema_version == 2
    assert b"preparation" not in plain.to_bytes()
    assert _codes(tmp_path / "prepared") == _codes(tmp_path / "again")
    assert all(
        first != other for first, other in zip(_codes(tmp_path / "prepared"), _codes(tmp_path / "plain"), strict=True)
    )
    assert verify(str(tmp_path / "prepared")).problems == ()
    with pytest.raises(ConflictError, match="with preparation flatten and denoise 4, not denoise 5"):
        run_veil(_settings(place, tmp_path / "prepared", Preparation(denoise=5)), [str(place / "in")])


def test_a_version_and_a_preparation_go_together(place: Path, tmp_path: Path) -> None:
    run_veil(_settings(place, tmp_path / "prepared", _PREPARATION), [str(place / "in")])
    header = json.loads(ShardReader(str(tmp_path / "prepared")).header.to_bytes())
    with pytest.raises(ShardError, match="schema version 2 goes without preparation"):
        ArchiveHeader.from_bytes(json.dumps(header | {"schema_version": 2}).encode())
    with pytest.raises(ShardError, match="schema version 5 is of a newer raypp"):
        ArchiveHeader.from_bytes(json.dumps(header | {"schema_version": 5}).encode())
