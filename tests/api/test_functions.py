"""The Python API as a notebook uses it, on a small real archive and a small real ledger."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import raypp
from raypp.audit.core.budget import Budget
from raypp.detect.model import head_of
from raypp.errors import KeyFileError, ModelError, OptionError, ShardError
from raypp.veil.key import SiteKey
from raypp.veil.keyfile import save_site_key
from raypp.veil.spec import PatchSpec
from tests.api.conftest import SIZE
from tests.reports.conftest import plant  # noqa: F401 - a fixture


def test_frames_are_arrays_of_codes_with_their_labels(place: Path) -> None:
    archive = raypp.open_archive(place / "veiled")
    frames = list(archive)
    assert (len(frames), archive.classes, archive.label_versions) == (len(archive), ("hammer", "saw"), ("tools-v1",))
    labelled = [frame for frame in frames if frame.labels is not None]
    assert len(labelled) == 18
    assert {len(frame.labels.boxes) for frame in labelled if frame.labels} == {1}
    for frame in frames:
        assert frame.codes_CRW.dtype == np.uint8
        assert frame.codes_CRW.shape[0] == archive.header.channels
        assert frame.codes_CRW.max() < 2**archive.header.bits
    video = [frame.timestamp_us for frame in frames if frame.labels is None]
    assert video == [200_000 * number for number in range(10)]


def test_the_codes_are_those_that_batches_hold(place: Path) -> None:
    archive = raypp.open_archive(place / "veiled")
    squares = np.concatenate([batch.codes() for batch in archive.reader.iterate()])
    for frame, square in zip(archive, squares, strict=True):
        assert frame.codes_CRW.sum() == square.sum()


def test_an_archive_verifies_and_a_changed_one_does_not(place: Path, tmp_path: Path) -> None:
    assert raypp.verify_archive(place / "veiled").problems == ()
    with pytest.raises(OptionError, match=r"^`fingerprint` 12 is none; give the 16 digits"):
        raypp.verify_archive(place / "veiled", fingerprint="12")
    with pytest.raises(ShardError):
        raypp.open_archive(tmp_path)


def test_a_split_by_source_is_a_label_version(place: Path) -> None:
    table = raypp.split_archive(
        place / "veiled", "again", raypp.Split(raypp.SplitBy.SOURCE, 0.5, 1.0), labels_version="tools-v1"
    )
    assert {row.split for row in table.rows} == {"train", "val"}
    with pytest.raises(OptionError, match=r"^`by` 'size' is no way to split; give one of time, source"):
        raypp.Split(by="size")
    assert raypp.Split(by="source").by is raypp.SplitBy.SOURCE
    with pytest.raises(OptionError, match=r"^`val` 2.0 must lie between 0 and 1"):
        raypp.split_archive(
            place / "veiled", "worse", raypp.Split(raypp.SplitBy.TIME, 2.0, 1.0), labels_version="tools-v1"
        )
    (place / "veiled" / "labels" / "again").rename(place / "again")  # the other tests name no version


def test_a_detector_is_evaluated_exported_and_detects_the_same_in_any_company(place: Path, run: Path) -> None:
    report = raypp.evaluate_detector(place / "veiled", run, folder=place / "report")
    assert report.scores.samples == 6
    assert (place / "report" / "scores.json").is_file()
    served = raypp.evaluate_detector(place / "veiled", raypp.ChosenDetector(run, "onnxruntime"))
    assert served.scores.map50 == pytest.approx(report.scores.map50, abs=0.01)
    with pytest.raises(ModelError, match=r"^`engine` 'tpu' is none; give auto, torch, onnxruntime"):
        raypp.evaluate_detector(place / "veiled", raypp.ChosenDetector(run, "tpu"))
    exported = raypp.export_detector(run, place / "tools.model", half=False)
    assert exported.bytes == (place / "tools.model").stat().st_size
    assert exported.header.format_version == 3
    assert exported.header.provenance is not None
    assert len(exported.header.reliabilities) == 2
    frames = list(raypp.open_archive(place / "veiled"))
    detector = raypp.load_detector(place / "tools.model")
    for branch in head_of(detector.network).cv3:
        branch[-1].bias.data += 8  # after two epochs it is sure of nothing
    assert detector.classes == ("hammer", "saw")
    detected = list(detector.detect(frames, confidence=0.01))
    assert [item.sample_id for item in detected] == [frame.sample_id for frame in frames]
    assert sum(len(item.confidence_P) for item in detected) > 0
    (alone,) = detector.detect(frames[5:6], confidence=0.01)
    assert np.array_equal(alone.boxes_P4, detected[5].boxes_P4)
    assert all(np.all(np.diff(item.confidence_P) <= 0) for item in detected)


def test_a_comparison_leaves_its_table(place: Path) -> None:
    arms = tuple(raypp.parse_arm(name, 0) for name in ("plain", "default"))
    schedule = raypp.ComparisonSchedule(size=SIZE, epochs=2, batch=4)
    data, key = str(place / "tools"), place / "owner.key"
    comparison = raypp.Comparison(data, place / "cost", key, schedule, arms, wrong_keys=0)
    summary = raypp.compare_veils(comparison, replicates=20, on="local")
    assert [(line.name, line.bytes_per_frame is None) for line in summary.lines] == [
        ("plain", True),
        ("default", False),
    ]
    assert (place / "cost" / "public" / "table.md").is_file()


def test_a_ledger_is_read_as_arrow_tables(plant) -> None:  # noqa: F811
    with raypp.open_ledger(plant.url) as ledger:
        assert ledger.sites() == ("other", "plant-1", "quiet")
        episodes = ledger.episodes("plant-1", "2026-03-02T13:50", "2026-03-02T14:10")
        assert str(episodes.schema.field("start").type) == "timestamp[us, tz=Europe/Berlin]"
        report = ledger.report("plant-1", "2026-03-02T13:50", "2026-03-02T14:10", tools=("hammer",))
        assert report.tools.column("name").to_pylist() == ["hammer"]
        assert report.tools.column("episodes").to_pylist() == [3]
        assert report.sequence.num_rows == 3
        assert {"gate", "hammer"} <= set(report.coverage.column("name").to_pylist())
        empty = ledger.report("quiet", "2026-03-02", "2026-03-02")
        assert (empty.sequence.num_rows, "tool" in empty.sequence.column_names) == (0, True)
        with pytest.raises(OptionError, match=r"^`tools` 'axe': plant-1 has none"):
            ledger.report("plant-1", "2026-03-02", tools=("axe",))
        with pytest.raises(OptionError, match=r"^`from_` 'noon' is no time"):
            ledger.episodes("plant-1", "noon")


def test_errors_name_fields_and_their_limits(place: Path, tmp_path: Path) -> None:
    veil = raypp.VeilSettings(out=str(tmp_path / "out"), key_path=place / "owner.key", fps=Fraction(0))
    with pytest.raises(OptionError, match=r"^`fps` 0 must be above 0"):
        raypp.veil_archive([place / "gate"], veil)
    with pytest.raises(OptionError, match=r"^`out` s3://bucket/veiled is a URL; say with `private`"):
        raypp.VeilSettings(out="s3://bucket/veiled", key_path=place / "owner.key")
    with pytest.raises(OptionError, match=r"^`on` 'cluster' is none; give auto, local, ray, or an ExecutionSettings"):
        raypp.verify_archive(place / "veiled", on="cluster")
    with pytest.raises(OptionError, match=r"^`workers` 2 is not for this work; leave it out"):
        raypp.verify_archive(place / "veiled", on=raypp.ExecutionSettings(workers=2))
    train = raypp.TrainSettings(archive=str(place / "veiled"), out=tmp_path / "run", batch=500)
    with pytest.raises(OptionError, match=r"^`address` 10\.0\.0\.1:1 is of Ray, which `on` local does without"):
        raypp.train_detector(train, on=raypp.ExecutionSettings(on="local", address="10.0.0.1:1"))
    with pytest.raises(OptionError, match=r"^`batch` 500 is more than the 12 training frames"):
        raypp.train_detector(train)
    fit = raypp.FitSettings(data=str(place / "tools"), weights=tmp_path / "none.pt", warm_up=0)
    with pytest.raises(OptionError, match=r"^`restart` 4 must be at least 0, `warm_up` 0 at least 1"):
        raypp.fit_veil(fit, tmp_path / "fitted", place / "owner.key")
    save_site_key(SiteKey.derive_from(raypp.VeilKey.generate(), PatchSpec(), "s", ["c"]), tmp_path / "site.key")
    audit = raypp.AuditSettings(
        sources=(str(place / "gate"),),
        out=tmp_path / "audit",
        key_path=tmp_path / "site.key",
        spec=PatchSpec(),
        size=SIZE,
        budget=Budget.QUICK,
    )
    with pytest.raises(KeyFileError, match="is a site's key, which cannot sign"):
        raypp.audit_veil(audit)


def test_every_public_name_is_there_and_importing_raypp_loads_no_heavy_library() -> None:
    assert all(getattr(raypp, name).__doc__ for name in raypp.__all__)
    code = "import raypp, sys; print(sorted({'torch', 'ray', 'pyarrow', 'rich', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
