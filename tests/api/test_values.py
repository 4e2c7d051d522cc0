"""Values that the API takes and gives: paths as text, one source, wrong fields, and what a notebook shows of them."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

import raypp
from raypp.compare.comparison import Comparison
from raypp.errors import ConflictError, OptionError
from raypp.evaluate.frame_detections import FrameDetections


@pytest.mark.parametrize(
    ("settings", "fields", "message"),
    [
        (
            raypp.VeilSettings,
            {"out": "veiled", "key_path": "owner.key", "fsp": 2},
            "VeilSettings: `fsp` is not known; did you mean fps?",
        ),
        (raypp.VeilSettings, {"out": "veiled"}, "VeilSettings: `key_path` is missing"),
        (
            raypp.VeilSettings,
            {"out": "veiled", "key_path": "k", "spec": {"patch": 5}},
            r"VeilSettings: `spec`: patch must be 4, 8 or 16 \(got 5\)",
        ),
        (
            raypp.TrainSettings,
            {"archive": "a", "out": "run", "epochs": "many", "lr": 1},
            r"TrainSettings: `epochs` must be a valid integer.* \(got 'many'\); `lr` is not known",
        ),
        (raypp.FitSettings, {"data": "images", "weights": "w.pt", "hid": 2}, "`hid` is not known; did you mean hide?"),
        (
            raypp.AuditSettings,
            {"sources": ("videos",), "out": "audit", "key_path": "k", "budget": "quik"},
            "`budget` must be .*'quick'.*did you mean quick?",
        ),
        (raypp.ComparisonSchedule, {"epoch": 3}, "`epoch` is not known; did you mean epochs?"),
    ],
)
def test_a_wrong_field_is_named_in_one_line(settings: type[BaseModel], fields: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        settings(**fields)
    assert "\n" not in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_a_key_in_the_place_of_its_file_is_refused_without_being_shown() -> None:
    key = raypp.VeilKey.generate()
    with pytest.raises(OptionError, match=r"`key_path`.*VeilKey\(secret\)") as caught:
        raypp.VeilSettings(out="veiled", key_path=key)
    assert key.export_secret().hex() not in str(caught.value)


def test_settings_keep_paths_from_the_root_since_workers_run_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    veil = raypp.VeilSettings(out="veiled", key_path="owner.key", masks_path=Path("masks.yaml"))
    assert (veil.out, veil.key_path, veil.masks_path) == (
        str(tmp_path / "veiled"),
        tmp_path / "owner.key",
        tmp_path / "masks.yaml",
    )
    train = raypp.TrainSettings(archive=Path("veiled"), out="run", weights="yolov8n.pt")
    assert (train.archive, train.out, train.weights) == (veil.out, tmp_path / "run", tmp_path / "yolov8n.pt")
    assert raypp.TrainSettings(archive="s3://bucket/veiled", out="run").archive == "s3://bucket/veiled"
    audit = raypp.AuditSettings(sources=("videos", "s3://bucket/videos"), out="audit", key_path="owner.key")
    assert (audit.sources, audit.size, audit.spec.family) == (
        (str(tmp_path / "videos"), "s3://bucket/videos"),
        640,
        "patch",
    )
    schedule = raypp.ComparisonSchedule(weights="yolov8n.pt")
    comparison = Comparison("tools", "cost", "owner.key", schedule, ())  # type: ignore[arg-type]
    assert (comparison.data, comparison.out, comparison.schedule.weights) == (
        str(tmp_path / "tools"),
        tmp_path / "cost",
        tmp_path / "yolov8n.pt",
    )


def test_settings_and_results_do_not_change(place: Path, run: Path) -> None:
    settings = raypp.TrainSettings(archive="veiled", out="run")
    with pytest.raises(ValidationError, match="frozen"):
        settings.epochs = 3  # type: ignore[misc]
    assert raypp.TrainSettings.model_validate_json(settings.model_dump_json()) == settings
    results = (
        raypp.verify_archive(place / "veiled"),
        raypp.train_detector(raypp.TrainSettings(archive=str(place / "veiled"), out=run, **_TRAINED)),
        raypp.open_archive(place / "veiled"),
        next(iter(raypp.open_archive(place / "veiled"))),
    )
    for value in results:
        with pytest.raises((ValidationError, AttributeError)):
            setattr(value, next(iter(type(value).__annotations__)), None)


_TRAINED = {"architecture": "yolov8p", "epochs": 2, "batch": 4, "nominal_batch": 4}


def test_what_a_notebook_shows_of_a_value_is_one_short_line(place: Path, run: Path) -> None:
    archive = raypp.open_archive(place / "veiled")
    frame = next(frame for frame in archive if frame.labels)
    detector = raypp.load_detector(str(run))
    shown = [
        repr(archive),
        repr(frame),
        repr(archive.table),
        repr(detector),
        repr(next(detector.detect([frame]))),
        repr(raypp.evaluate_detector(place / "veiled", str(run))),
    ]
    assert [text for text in shown if len(text) > 200 or "\n" in text] == []
    assert "28 frames, labels tools-v1 of hammer, saw" in shown[0]
    assert "1 box>" in shown[1]
    assert "mAP50" in shown[5]


def test_a_veiled_frame_is_drawn_with_its_labels_and_detections(place: Path) -> None:
    archive = raypp.open_archive(place / "veiled")
    frames = [frame for frame in archive if frame.labels][:3]
    first = frames[0]
    box = np.array([[10, 20, 50, 60]], dtype=np.float32)
    detected = FrameDetections(first.sample_id, box, np.ones(1, np.float32), np.ones(1, np.int64), ("hammer", "saw"))
    plain, marked = (raypp.draw_veiled(archive, frames, some) for some in ((), (detected,)))
    assert detected.names == ("saw",)
    assert (len(detected.best(1)), len(detected.best(0)), repr(detected.best(0))[-5:]) == (1, 0, "none>")
    assert len(plain) == len(marked) == 3
    assert plain[0].height / plain[0].width == pytest.approx(first.codes_CRW.shape[1] / first.codes_CRW.shape[2])
    assert _count(plain[0], (0, 230, 118)) > 100, "labels are green"
    assert _count(plain[0], (255, 109, 0)) == 0
    assert _count(marked[0], (255, 109, 0)) > 100, "detections are orange"
    assert plain[1].tobytes() == marked[1].tobytes()


def _count(image: object, colour: tuple[int, int, int]) -> int:
    return int((np.asarray(image) == colour).all(axis=-1).sum())


def test_the_sample_ledger_has_uses_and_a_covered_camera(tmp_path: Path) -> None:
    path = raypp.make_sample_ledger(str(tmp_path / "site"), minutes=1)
    with raypp.open_ledger(f"sqlite:///{path}") as ledger:
        assert (str(path) in repr(ledger), ledger.sites()) == (True, ("workshop",))
        episodes = ledger.episodes("workshop")
        assert episodes.num_rows > 10
        assert set(episodes.column("state").to_pylist()) == {"final"}
        report = ledger.report("workshop")
        assert len(repr(report)) < 200
        reasons = {reason for row in report.coverage.to_pylist() for reason, _ in row["reasons_s"]}
        assert reasons == {"covered"}
    with pytest.raises(ConflictError, match="is there already; choose another folder"):
        raypp.make_sample_ledger(tmp_path / "site", minutes=1)
    other = raypp.make_sample_ledger(tmp_path / "again", minutes=1)
    with raypp.open_ledger(f"sqlite:///{other}") as ledger:
        assert ledger.episodes("workshop").drop_columns(["episode_id"]) == episodes.drop_columns(["episode_id"])
