"""Bounds that an audit keeps: read only where all that they depend on is the same, and the file is whole."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from raypp.audit import kept_bounds
from raypp.audit.kept_bounds import read_or_compute_bounds
from raypp.audit.settings import AuditSettings
from raypp.progress import SILENT
from raypp.veil.spec import PatchSpec


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note what is computed from now on, by name; figures stand for the place in that order."""
    names: list[str] = []

    def counted(name: str) -> Callable[..., dict[str, float]]:
        def compute(*_: Any) -> dict[str, float]:
            names.append(name)
            return {name: float(len(names))}

        return compute

    for name in ("bounds_on", "ceiling_on", "silhouettes_on"):
        monkeypatch.setattr(kept_bounds, name, counted(name))
    return names


def _lab(out: Path, footage: str = "a", **changed: Any) -> Any:
    settings = AuditSettings(sources=("images",), out=out, key_path=out / "owner.key", spec=PatchSpec(), **changed)
    veil, evidence = SimpleNamespace(veil_id="0" * 32), SimpleNamespace(digest=footage)
    return SimpleNamespace(settings=settings, veil=veil, evidence=evidence, blind=None)


def test_the_same_audit_reads_what_it_computed_and_another_computes_its_own(tmp_path, computed):
    figures = read_or_compute_bounds(_lab(tmp_path), SILENT)
    assert computed == ["bounds_on", "ceiling_on", "silhouettes_on"]
    assert read_or_compute_bounds(_lab(tmp_path), SILENT) == figures
    assert len(computed) == 3
    assert (tmp_path / "bounds.json").stat().st_mode & 0o777 == 0o600
    for other in (_lab(tmp_path, "b"), _lab(tmp_path, size=96), _lab(tmp_path, seed=1)):
        before = len(computed)
        assert read_or_compute_bounds(other, SILENT) != figures
        assert len(computed) == before + 3


def test_a_damaged_file_is_no_figure(tmp_path, computed):
    figures = read_or_compute_bounds(_lab(tmp_path), SILENT)
    whole = (tmp_path / "bounds.json").read_bytes()
    (tmp_path / "bounds.json").write_bytes(whole[: len(whole) // 2])
    assert read_or_compute_bounds(_lab(tmp_path), SILENT).keys() == figures.keys()
    assert len(computed) == 6


def test_what_could_not_be_computed_is_tried_again(tmp_path, computed, monkeypatch):
    def lacking(*given: Any) -> dict[str, float]:
        given[-1]("the codec ceiling is not computed: no codec")
        return {}

    with monkeypatch.context() as without:
        without.setattr(kept_bounds, "ceiling_on", lacking)
        assert "ceiling_on" not in read_or_compute_bounds(_lab(tmp_path), SILENT)
    assert not (tmp_path / "bounds.json").exists()
    assert "ceiling_on" in read_or_compute_bounds(_lab(tmp_path), SILENT)
