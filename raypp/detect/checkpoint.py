"""Checkpoints: tensors, and beside them in plain words what they belong to."""

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from raypp.detect.bundle import passphrase_from_environment, read_bundle, read_header
from raypp.detect.bundle_header import BundleHeader
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, load_trained_weights
from raypp.detect.model_info import ABOUT_FILE, MOST_ABOUT_BYTES, About
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ContentError, ModelError
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import read_json
from raypp.veil.envelope import Passphrase

STATE_FILE = "state.pt"


def build_model(about: About) -> DetectionModel:
    """Build the detector that a checkpoint is of, with weights yet to be loaded."""
    codes = CodeInput(about.channels, about.bits, about.patch, about.sub_keys)
    return build_detector(about.architecture, about.classes, codes)


def write_checkpoint(folder: Path, about: About, state: dict[str, Any]) -> None:
    """Write a checkpoint into a folder that is there."""
    torch.save(state, folder / STATE_FILE)
    (folder / ABOUT_FILE).write_text(about.model_dump_json(indent=1) + "\n")


def read_about(place: Path) -> About:
    """Read what a checkpoint's folder or a bundle belongs to; raises ModelError if it is neither."""
    if place.is_file():
        return _about(read_header(place), place)
    try:
        return About.model_validate(read_json(read_content(place / ABOUT_FILE, MOST_ABOUT_BYTES)))
    except ContentError:
        raise ModelError(f"{place} is no checkpoint of raypp; give the folder that `raypp train` wrote") from None
    except ValidationError as error:
        raise ModelError(
            f"{place / ABOUT_FILE}: {first_fault(error)}; it was altered, or is of another raypp: train it again"
        ) from None


def read_state(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's tensors, never any code; raises ModelError if it is damaged."""
    if not (folder / STATE_FILE).exists() and any(folder.glob("checkpoint_*")):
        raise ModelError(f"run {folder} has not ended; run it again, or name one of its checkpoint_ folders")
    try:
        state: dict[str, Any] = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises what its many layers raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"checkpoint {folder} is damaged ({reason}); use an earlier one") from None
    return state


def load_detector(place: Path) -> tuple[DetectionModel, About]:
    """Build the detector of a checkpoint's folder, with its averaged weights, or of a bundle, in evaluation mode.

    Raises:
        ModelError: if it cannot be read.
    """
    if place.is_file():
        return load_bundle(place)
    about = read_about(place)
    model = build_model(about)
    load_trained_weights(model, read_state(place)["ema"])
    return model.eval(), about


def load_bundle(path: Path, passphrase: Passphrase = passphrase_from_environment) -> tuple[DetectionModel, About]:
    """Build the detector of a bundle, in evaluation mode; weights are float32, whatever they are stored as.

    Args:
        path: the file that `raypp export` wrote.
        passphrase: called only if it is sealed.

    Raises:
        ModelError: if it is no bundle, damaged, altered, of a newer format, or does not open by the passphrase.
    """
    bundle = read_bundle(path, passphrase)
    about = _about(bundle.header, path)
    model = build_model(about)
    try:
        load_trained_weights(model, bundle.tensors)
    except RuntimeError:
        raise ModelError(
            f"the tensors of bundle {path} do not fit {about.architecture} as this raypp builds it; export it again"
        ) from None
    return model.eval(), about


def _about(header: BundleHeader, path: Path) -> About:
    try:
        return About.model_validate_json(header.about.model_dump_json())
    except ValidationError as error:
        raise ModelError(
            f"bundle {path}: {first_fault(error)}; it was altered, or is of another raypp: export it again"
        ) from None
