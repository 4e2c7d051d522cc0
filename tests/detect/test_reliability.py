"""A run keeps how far its detector is to be believed on each class, and its bundle tells it."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from raypp.detect.bundle import Bundle, read_bundle_header, write_bundle
from raypp.detect.bundle_header import BundleHeader, BundleModelInfo
from raypp.detect.reliability import RELIABILITY_FILE, read_reliabilities, write_reliabilities
from raypp.errors import ModelError
from raypp.usage.reliability import Reliability

_CLASSES = ("hammer", "saw")
_INFO = BundleModelInfo(
    architecture="yolov8n",
    classes=_CLASSES,
    size=96,
    veil_id="ab" * 16,
    spec={},
    dataset_version="cd" * 16,
    labels_version="tools-v1",
)
_KNOWN = (None, Reliability(0.8765, 0.5))


def _header(**fields: object) -> BundleHeader:
    return BundleHeader(info=_INFO, precision="float32", epochs=1, scores=None, **fields)


def test_what_a_run_keeps_reads_back(tmp_path: Path) -> None:
    assert read_reliabilities(tmp_path, _CLASSES) == ()
    write_reliabilities(tmp_path, _CLASSES, {"saw": (0.87654321, 0.5)})
    assert read_reliabilities(tmp_path, _CLASSES) == _KNOWN
    with pytest.raises(ModelError, match=r"reliability.json is damaged or of another detector"):
        read_reliabilities(tmp_path, ("hammer",))
    (tmp_path / RELIABILITY_FILE).write_text("[[2, 0.5], null]")
    with pytest.raises(ModelError, match=r"reliability.json is damaged or of another detector"):
        read_reliabilities(tmp_path, _CLASSES)


def test_a_bundle_with_it_is_of_version_2_and_one_without_as_before(tmp_path: Path) -> None:
    tensors = {"weight": torch.ones(2)}
    write_bundle(Bundle.of(_header(format_version=2, reliabilities=_KNOWN), tensors), tmp_path / "two.model")
    header = read_bundle_header(tmp_path / "two.model")
    assert (header.format_version, header.reliabilities) == (2, _KNOWN)
    write_bundle(Bundle.of(_header(), tensors), tmp_path / "one.model")
    header = read_bundle_header(tmp_path / "one.model")
    assert (header.format_version, header.reliabilities) == (1, ())
    assert b"reliabilities" not in (tmp_path / "one.model").read_bytes()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"format_version": 2, "reliabilities": ((0.5, 0.5),)}, "1 reliabilities for 2 classes"),
        ({"format_version": 1, "reliabilities": _KNOWN}, "version 1 goes without reliabilities"),
        ({"format_version": 2}, "version 2 goes with reliabilities"),
        ({"format_version": 2, "reliabilities": (None, (1.5, 0.5))}, "less than or equal to 1"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        _header(**fields)
