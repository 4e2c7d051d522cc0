"""Forgetting by workers on Ray: the same bytes as in this process."""

from pathlib import Path

import pytest
import ray

from raypp.execution import ExecutionSettings, On
from raypp.forget.run import forget_frames
from tests.command import archive_bytes
from tests.forget.places import copy_of, settings_for, veil_again
from tests.rekey.places import HERE, write_place


@pytest.mark.slow
@pytest.mark.ray
def test_an_archive_has_the_same_bytes_by_workers_on_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    (tmp_path / "place").mkdir()
    place = write_place(tmp_path / "place")
    veil_again(place, place / "veiled")
    here, there = (copy_of(place / "veiled", tmp_path / name) for name in ("here", "there"))
    forget_frames(settings_for(place, here, sources=("train/001.jpg",)), HERE)
    on_ray = ExecutionSettings(on=On.RAY, workers=2)
    forget_frames(settings_for(place, there, sources=("train/001.jpg",)), on_ray)
    assert ray.is_initialized(), "its workers ran there"
    assert archive_bytes(there) == archive_bytes(here) != archive_bytes(place / "veiled")
