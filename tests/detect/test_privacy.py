"""What is promised of a detector's weights: in the header of version 5, and of no other."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from raypp.detect.bundle import Bundle, read_bundle_header, write_bundle
from raypp.detect.bundle_header import BundleHeader
from raypp.detect.description import describe_detector_file
from raypp.detect.privacy import PrivacyStatement
from tests.detect.test_provenance import _INFO

_PROMISED = PrivacyStatement(
    unit="file", epsilon=7.99, epsilon_prv=7.4, delta=1e-5, noise=1.8, sample=1.0, rounds=8, clip=0.1,
    layers=("head-last",), adapter=True,
)  # fmt: skip


def _header(**fields: object) -> BundleHeader:
    return BundleHeader(info=_INFO, precision="float32", epochs=1, scores=None, **fields)


def test_a_promise_stays_with_the_bundle_and_is_shown(tmp_path: Path) -> None:
    tensors, path = {"weight": torch.ones(2)}, tmp_path / "five.model"
    write_bundle(Bundle.of(_header(format_version=5, privacy=_PROMISED), tensors), path)
    assert read_bundle_header(path).privacy == _PROMISED
    assert describe_detector_file(path)["privacy"] == "epsilon 7.99 at delta 1e-05 for a file; of all weights"
    write_bundle(Bundle.of(_header(), tensors), tmp_path / "old.model")
    assert b"privacy" not in (tmp_path / "old.model").read_bytes()
    assert "privacy" not in describe_detector_file(tmp_path / "old.model")


@pytest.mark.parametrize("fields", [{"format_version": 1, "privacy": _PROMISED}, {"format_version": 5}])
def test_a_header_whose_version_is_another_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"goes with(out)? privacy"):
        _header(**fields)
