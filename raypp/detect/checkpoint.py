"""Checkpoints: tensors, and beside them in plain words what they belong to."""

from pathlib import Path

from pydantic import ValidationError

from raypp.detect.bundle import model_passphrase_from_environment, read_bundle, read_bundle_header
from raypp.detect.bundle_header import BundleHeader
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, load_trained_weights
from raypp.detect.model_info import MODEL_INFO_FILE, MOST_MODEL_INFO_BYTES, ModelInfo
from raypp.detect.training_state import TrainingState, read_averages, write_state
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ContentError, ModelError
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import read_json
from raypp.veil.envelope import Passphrase


def build_model(info: ModelInfo) -> DetectionModel:
    """Build the detector that a checkpoint is of, with weights yet to be loaded."""
    codes = CodeInput(info.channels, info.bits, info.patch, info.sub_keys)
    return build_detector(info.architecture, info.classes, codes)


def write_checkpoint(folder: Path, info: ModelInfo, state: TrainingState) -> None:
    """Write a checkpoint into a folder that is there."""
    write_state(folder, state)
    (folder / MODEL_INFO_FILE).write_text(info.model_dump_json(indent=1) + "\n")


def read_model_info(place: Path) -> ModelInfo:
    """Read what a checkpoint's folder or a bundle belongs to; raises ModelError if it is neither."""
    if place.is_file():
        return _model_info(read_bundle_header(place), place)
    try:
        return ModelInfo.model_validate(read_json(read_content(place / MODEL_INFO_FILE, MOST_MODEL_INFO_BYTES)))
    except ContentError:
        raise ModelError(f"{place} is no checkpoint of raypp; give the folder that `raypp train` wrote") from None
    except ValidationError as error:
        raise ModelError(
            f"{place / MODEL_INFO_FILE}: {first_fault(error)}; it was altered, or is of another raypp: train it again"
        ) from None


def load_detector(place: Path) -> tuple[DetectionModel, ModelInfo]:
    """Build the detector of a checkpoint's folder, with its averaged weights, or of a bundle, in evaluation mode.

    Raises:
        ModelError: if it cannot be read.
    """
    if place.is_file():
        return load_bundle(place)
    info = read_model_info(place)
    model = build_model(info)
    load_trained_weights(model, read_averages(place)[0])
    return model.eval(), info


def load_bundle(
    path: Path, passphrase: Passphrase = model_passphrase_from_environment
) -> tuple[DetectionModel, ModelInfo]:
    """Build the detector of a bundle, in evaluation mode; weights are float32, whatever they are stored as.

    Args:
        path: the file that `raypp export` wrote.
        passphrase: called only if it is sealed.

    Raises:
        ModelError: if it is no bundle, damaged, altered, of a newer format, or does not open by the passphrase.
    """
    bundle = read_bundle(path, passphrase)
    info = _model_info(bundle.header, path)
    model = build_model(info)
    try:
        load_trained_weights(model, bundle.tensors)
    except RuntimeError:
        raise ModelError(
            f"the tensors of bundle {path} do not fit {info.architecture} as this raypp builds it; export it again"
        ) from None
    return model.eval(), info


def _model_info(header: BundleHeader, path: Path) -> ModelInfo:
    try:
        return ModelInfo.model_validate_json(header.info.model_dump_json())
    except ValidationError as error:
        raise ModelError(
            f"bundle {path}: {first_fault(error)}; it was altered, or is of another raypp: export it again"
        ) from None
