"""A trunk that stays as it is while the adapter before it learns: for a detector whose veil got another key."""

from pathlib import Path

import torch

from raypp.detect.adapter import CodeAdapter
from raypp.detect.bundle_header import is_bundle
from raypp.detect.checkpoint import load_bundle, read_model_info
from raypp.detect.model import load_trained_weights
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ConflictError, ModelError

_EMBED = "embed."
"""Weights of the names of code values, which another key changes; what comes after them in an adapter may serve."""


class FrozenTrunk:
    """All of a detector but its adapter: neither weights nor statistics of normalisations change.

    Args:
        model: the detector; from now on its trunk takes no gradients.

    Raises:
        ModelError: if it has no adapter.
    """

    def __init__(self, model: DetectionModel) -> None:
        self._adapters = _adapters_of(model)
        if not self._adapters:
            raise ModelError("a detector on plain images has no adapter that could be trained alone")
        for name, parameter in model.named_parameters():
            parameter.requires_grad = parameter.requires_grad and name.startswith(self._adapters)
        self._norms = [
            module
            for name, module in model.named_modules()
            if isinstance(module, torch.nn.BatchNorm2d) and not name.startswith(self._adapters)
        ]

    def hold(self) -> None:
        """Keep the statistics of the trunk's normalisations, in a model that was set to training."""
        for norm in self._norms:
            norm.eval()

    def copy(self, model: DetectionModel, averaged: DetectionModel) -> None:
        """Give averaged weights the trunk's to the last bit, where averaging has rounded them."""
        theirs = averaged.state_dict()
        for name, tensor in model.state_dict().items():
            if not name.startswith(self._adapters):
                theirs[name].copy_(tensor)


def load_trunk(model: DetectionModel, path: Path, info: ModelInfo) -> None:
    """Load a trained trunk, of a bundle of this veil or another, before a new adapter.

    The adapter starts from the bundle's, too, but for its weights of code values if the veil is another.

    Args:
        model: the detector whose adapter is to be trained.
        path: the bundle.
        info: what the training is on.

    Raises:
        ModelError: if it is no bundle, or the trunk does not fit.
        ConflictError: if it detects other classes, or is of another architecture.
    """
    check_trunk(path, info)
    trained, theirs = load_bundle(path)
    tensors, own = trained.state_dict(), model.state_dict()
    adapters = _adapters_of(model)
    named = tuple(f"{adapter}{_EMBED}" for adapter in adapters) if theirs.veil_id != info.veil_id else ()
    for name, tensor in own.items():
        fresh = name not in tensors or tensors[name].shape != tensor.shape or name.startswith(named)
        if fresh and name.startswith(adapters):
            tensors[name] = tensor
    try:
        load_trained_weights(model, tensors)
    except RuntimeError:
        raise ModelError(
            f"weights {path}: the trunk of patch {theirs.patch} does not fit one of patch {info.patch}"
        ) from None


def load_but_names(model: DetectionModel, path: Path) -> None:
    """Load a trained detector on codes but for its adapter's weights of code values, which stay the model's own.

    Args:
        model: a detector of the same architecture and classes, on codes of the same shape.
        path: the bundle, of any veil.

    Raises:
        ModelError: if it is no bundle, or does not fit.
    """
    own, named = model.state_dict(), tuple(f"{adapter}{_EMBED}" for adapter in _adapters_of(model))
    tensors = load_bundle(path)[0].state_dict() | {name: own[name] for name in own if name.startswith(named)}
    try:
        load_trained_weights(model, {name: tensor for name, tensor in tensors.items() if name in own})
    except RuntimeError:
        raise ModelError(f"weights {path} do not fit a detector of these classes and codes") from None


def check_trunk(path: Path, info: ModelInfo) -> None:
    """Raise ModelError if a file is no bundle, ConflictError if its classes or architecture are others."""
    if not is_bundle(path):
        raise ModelError(
            f"weights {path} are no bundle of a trained detector, and a frozen trunk learns nothing more; "
            "give what `raypp export` wrote"
        )
    trained = read_model_info(path)
    for what, theirs, mine in (
        ("architecture", trained.architecture, info.architecture),
        ("classes", ", ".join(trained.classes), ", ".join(info.classes)),
    ):
        if theirs != mine:
            raise ConflictError(
                f"weights {path} have {what} {theirs}, the training {mine}; a frozen trunk needs its own"
            )


def _adapters_of(model: DetectionModel) -> tuple[str, ...]:
    """Return what the names of an adapter's tensors begin with."""
    return tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, CodeAdapter))
