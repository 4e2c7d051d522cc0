"""Initial weights of a training: public weights, or the detector that a fit left."""

from pathlib import Path

from raypp.detect.bundle_header import is_bundle
from raypp.detect.checkpoint import build_model, load_bundle, read_model_info
from raypp.detect.model import load_public_weights
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ConflictError
from raypp.train.frozen_trunk import check_trunk, load_trunk


def load_start(model: DetectionModel, info: ModelInfo, path: Path | None) -> None:
    """Load what a training starts from: nothing, the trunk that stays as it is, or whatever fits.

    Args:
        model: the detector.
        info: what the training is on.
        path: a checkpoint or a bundle; None for random weights.

    Raises:
        ModelError: if nothing of it fits, or a trunk that is to stay does not.
        ConflictError: if it is of another veil, or a trunk that is to stay of other classes.
    """
    if path is not None and info.schedule.freeze:
        load_trunk(model, path, info)
    elif path is not None:
        load_initial_weights(model, path, info.veil_id)


def load_initial_weights(model: DetectionModel, path: Path, veil_id: str) -> None:
    """Load the weights that a detector on codes starts from, wherever names and shapes fit.

    Args:
        model: the detector.
        path: an ultralytics checkpoint (.pt), or a bundle, such as the `start.model` that `raypp fit` wrote.
        veil_id: the veil it is to be trained on, which a bundle must be of.

    Raises:
        ModelError: if the file is neither, or nothing of it fits.
        ConflictError: if it is a bundle of another veil.
    """
    check_veil(path, veil_id)
    if is_bundle(path):
        model.load(load_bundle(path)[0], verbose=False)
    else:
        load_public_weights(model, path)


def check_initial_weights(info: ModelInfo, path: Path | None) -> None:
    """Raise ModelError for an unknown architecture, and ConflictError for weights of another veil; trains nothing."""
    build_model(info)
    if path is not None and info.schedule.freeze:
        check_trunk(path, info)
    elif path is not None:
        check_veil(path, info.veil_id)


def check_veil(path: Path, veil_id: str) -> None:
    """Raise ConflictError if a file is a bundle of another veil; nothing but its header is read."""
    if is_bundle(path) and (own := read_model_info(path).veil_id) != veil_id:
        raise ConflictError(
            f"weights {path} are of veil {own}, the frames of {veil_id}; start from the model of theirs, "
            "or keep its trunk alone by `--freeze trunk`"
        )
