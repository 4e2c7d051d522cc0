"""A bundle that a collective training starts from: each owner has the same but for its own adapter."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from raypp.detect.adapter import CodeAdapter
from raypp.detect.bundle import read_bundle
from raypp.detect.model import load_trained_weights
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError

_EMBED = ".embed.weight"
"""Ends the name of an adapter's first weights, and of no others."""


def start_digest(path: Path) -> str:
    """Return the SHA-256 of a bundle's tensors but the adapter's, 64 hex digits; raises ModelError."""
    tensors = read_bundle(path).tensors
    adapters, digest = _adapters_of(tensors), hashlib.sha256(b"raypp collective start v1")
    for name in sorted(tensors):
        if not name.startswith(adapters):
            values = tensors[name].contiguous()
            digest.update(f"\0{name}\0{values.dtype}\0{tuple(values.shape)}\0".encode())
            digest.update(values.reshape(-1).numpy().tobytes())
    return digest.hexdigest()


def load_start_bundle(model: DetectionModel, path: Path) -> None:
    """Load a bundle's weights into a detector: all of them, but of another adapter none of the adapter's.

    Raises:
        ModelError: if they are of another architecture or of other classes.
    """
    theirs, own = dict(read_bundle(path).tensors), model.state_dict()
    places = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, CodeAdapter))
    is_same = all(
        name in theirs and theirs[name].shape == tensor.shape for name, tensor in own.items() if name.startswith(places)
    )
    if not is_same:
        theirs |= {name: tensor for name, tensor in own.items() if name.startswith(places)}
    try:
        load_trained_weights(model, theirs)
    except RuntimeError:
        raise ModelError(
            f"weights {path} are of another architecture, patch or number of classes than the plan; give others"
        ) from None


def _adapters_of(tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    return tuple(name.removesuffix("embed.weight") for name in tensors if name.endswith(_EMBED))
