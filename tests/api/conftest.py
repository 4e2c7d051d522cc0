"""A small veiled archive and a detector trained on it, made by the Python API alone."""

from pathlib import Path

import pytest

import raypp
from tests.videos import make_dataset, make_video

SIZE = 96


@pytest.fixture(scope="package")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("api")
    raypp.save_owner_key(raypp.VeilKey.generate(), place / "owner.key")
    make_dataset(place / "tools", count=18)
    make_video(place / "gate" / "video.mp4", seconds=2, fps=5)
    settings = raypp.VeilSettings(out=str(place / "veiled"), key_path=place / "owner.key", size=SIZE)
    lines: list[str] = []
    summary = raypp.veil_archive([place / "tools", place / "gate"], settings, progress=lines.append)
    assert (summary.frames, summary.label_versions) == (28, ("tools-v1",))
    assert summary.private == str(place / "veiled-private")
    return place


@pytest.fixture(scope="package")
def run(place: Path) -> Path:
    settings = raypp.TrainSettings(
        archive=str(place / "veiled"), out=place / "run", architecture="yolov8p", epochs=2, batch=4, nominal_batch=4
    )
    lines: list[str] = []
    summary = raypp.train_detector(settings, progress=lines.append)
    assert (summary.epochs, Path(summary.detector)) == (2, place / "run" / "detector")
    assert [line.split(":")[0] for line in lines][1:] == [f"epoch {number}/2" for number in (1, 2)]
    return place / "run"
