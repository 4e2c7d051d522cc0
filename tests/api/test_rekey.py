"""A veil under another key by the Python API, in this process and on Ray."""

from pathlib import Path

import pytest

import raypp
from raypp.rekey.run import run_rekey
from tests.command import archive_bytes
from tests.rekey.places import HERE, NEW, settings_of, veil, write_place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_place(tmp_path_factory.mktemp("place"))


def test_an_encoder_is_put_under_another_key(place: Path, tmp_path: Path) -> None:
    settings = raypp.RekeySettings(
        old_key_path=place / "old.key",
        new_key_path=place / "new.key",
        encoder_path=place / "encoder.veil",
        out=tmp_path / "fit-2",
    )
    assert raypp.rekey_veil(settings, dry_run=True, on="local").dry_run
    assert not (tmp_path / "fit-2").exists()
    summary = raypp.rekey_veil(settings, on="local")
    assert (summary.fingerprint, summary.encoder) == (NEW.fingerprint, tmp_path / "fit-2" / "encoder.veil")
    assert raypp.describe_file(summary.encoder)
    same = settings.model_copy(update={"new_key_path": place / "old.key"})
    with pytest.raises(raypp.RayppError, match=r"^`new_key_path` is the same key as `old_key_path`"):
        raypp.rekey_veil(same, on="local")


@pytest.mark.slow
@pytest.mark.ray
def test_an_archive_has_the_same_bytes_by_several_workers_on_ray(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    veil(place, place / "veiled")
    here, there = (
        settings_of(
            place, archive=place / "veiled", archive_out=tmp_path / name / "veiled", out=tmp_path / name / "fit"
        )
        for name in ("here", "there")
    )
    assert run_rekey(here, HERE).archive is not None
    on_ray = raypp.ExecutionSettings(on="ray", workers=2)
    lines: list[str] = []
    summary = raypp.rekey_veil(there, on=on_ray, progress=lines.append)
    assert summary.archive is not None
    assert summary.archive.segments_translated == summary.archive.segments > 5
    assert archive_bytes(tmp_path / "there" / "veiled") == archive_bytes(tmp_path / "here" / "veiled")
    again = raypp.rekey_veil(there, on=on_ray)
    assert again.archive is not None
    assert again.archive.segments_translated == 0
