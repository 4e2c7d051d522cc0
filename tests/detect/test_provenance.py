"""A bundle says where its detector comes from, and one of an older run says nothing of it."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from raypp.detect.bundle import Bundle, read_bundle_header, write_bundle
from raypp.detect.bundle_header import BundleHeader, BundleModelInfo
from raypp.detect.description import describe_detector_file
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.provenance import PROVENANCE_FILE, Provenance, WeightsFile, read_provenance, write_provenance
from raypp.errors import ModelError
from raypp.train.provenance import code_version, record_provenance
from tests.datasets.archives import sample_archive

_INFO = BundleModelInfo(
    architecture="yolov8n",
    classes=("hammer",),
    size=96,
    veil_id="ab" * 16,
    spec={},
    dataset_version="cd" * 16,
    labels_version="tools-v1",
)
_KNOWN = Provenance(
    manifest="12" * 32,
    labels_digest="34" * 32,
    tag="baseline",
    code=("0.1.0+123456789abc",),
    initial_weights=WeightsFile(name="start.model", sha256="56" * 32),
)


def _header(**fields: object) -> BundleHeader:
    return BundleHeader(info=_INFO, precision="float32", epochs=1, scores=None, **fields)


def test_a_bundle_with_it_is_of_version_3_and_one_without_as_before(tmp_path: Path) -> None:
    tensors = {"weight": torch.ones(2)}
    write_bundle(Bundle.of(_header(format_version=3, provenance=_KNOWN), tensors), tmp_path / "three.model")
    assert read_bundle_header(tmp_path / "three.model").provenance == _KNOWN
    lines = describe_detector_file(tmp_path / "three.model")
    assert (lines["tag"], lines["initial weights"]) == ("baseline", f"start.model, sha256 {'56' * 32}")
    write_bundle(Bundle.of(_header(), tensors), tmp_path / "old.model")
    assert b"provenance" not in (tmp_path / "old.model").read_bytes()
    assert "tag" not in describe_detector_file(tmp_path / "old.model")


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"format_version": 2, "provenance": _KNOWN}, "version 2 goes without provenance"),
        ({"format_version": 3}, "version 3 goes with provenance"),
    ],
)
def test_a_header_whose_version_is_another_is_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        _header(**fields)


def test_a_run_notes_its_data_weights_and_every_code_that_trained_it(tmp_path: Path) -> None:
    run, weights = tmp_path / "run", tmp_path / "yolov8n.pt"
    run.mkdir()
    weights.write_bytes(b"abc")
    dataset = VeiledDataset.open(sample_archive(tmp_path).root, None)
    noted = record_provenance(run, dataset, weights)
    assert (noted.manifest, noted.labels_digest, noted.tag) == (dataset.manifest_digest, dataset.labels_digest, None)
    assert noted.initial_weights is not None
    assert noted.initial_weights.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert record_provenance(run, dataset, None) == noted == read_provenance(run), "a run that goes on keeps it"
    write_provenance(run, noted.model_copy(update={"code": ("0.0.9+000000000000",)}))
    assert record_provenance(run, dataset, weights).code == ("0.0.9+000000000000", code_version())
    (run / PROVENANCE_FILE).write_text("{}")
    with pytest.raises(ModelError, match=r"provenance\.json is damaged"):
        record_provenance(run, dataset, weights)


def test_another_source_is_another_code_version(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("x = 1\n")
    before = code_version(tmp_path)
    (tmp_path / "module.py").write_text("x = 2\n")
    assert code_version(tmp_path) != before
