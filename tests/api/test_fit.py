"""A fit by the API, to its end in this process."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

import raypp
from raypp.detect.model import build_detector
from tests.videos import make_dataset


def test_a_fit_ends_with_an_encoder_that_veils_and_is_not_fitted_again(place: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save({"model": build_detector("yolov8p", ("hammer", "saw"), None)}, tmp_path / "public.pt")
    data = make_dataset(tmp_path / "tools", count=9)
    settings = raypp.FitSettings(
        data=data,
        weights=tmp_path / "public.pt",
        architecture="yolov8p",
        size=64,
        epochs=2,
        batch=3,
        channels=6,
        warm_up=1,
    )
    lines: list[str] = []
    fitted = raypp.fit_veil(settings, str(tmp_path / "fitted"), str(place / "owner.key"), progress=lines.append)
    assert (fitted.last.epoch, Path(fitted.encoder).stat().st_size) == (2, fitted.encoder_bytes)
    assert [line.split(":")[0] for line in lines if line.startswith("epoch ")] == ["epoch 1/2", "epoch 2/2"]
    with pytest.raises(ValidationError, match="frozen"):
        fitted.veil_id = ""  # type: ignore[misc]
    again = raypp.fit_veil(settings, tmp_path / "fitted", place / "owner.key", progress=lines.append)
    assert lines[-1].endswith("was fitted before: nothing to do")
    assert again.model_copy(update={"seconds": fitted.seconds}) == fitted
    veil = raypp.VeilSettings(
        out=tmp_path / "veiled",
        key_path=place / "owner.key",
        spec=fitted.spec,
        encoder_path=fitted.encoder,
        size=64,
    )
    assert raypp.veil_archive(data, veil, on="local").frames == 9
    assert raypp.open_archive(tmp_path / "veiled").header.veil_id == fitted.veil_id
