"""Warm starts: an encoder and its detector as an earlier fit left them, unsealed, for other fits to begin from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from raypp.detect.architecture import Architecture
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ContentError, ModelError, OptionError
from raypp.fit.assembly import assemble
from raypp.fit.settings import WARM_START_FILE, FitSettings
from raypp.io.content import read_content
from raypp.io.private import write_private
from raypp.text.names import Names

_HEADER = "raypp-warm-start"
_MOST_BYTES = 1 << 30
_LARGE = 2048
"""Values of a tensor."""
_ADVERSARIES = ".adversaries."


class WarmStartHeader(BaseModel):
    """Settings that a warm start was fitted with; JSON in the metadata of its safetensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    architecture: Architecture
    classes: Names
    patch: int = Field(ge=1, le=64)
    channels: int = Field(ge=1, le=4096)
    bits: int = Field(ge=1, le=8)
    size: int = Field(ge=1, description="side of the square that it was fitted on, in pixels")
    epochs: int = Field(ge=1, description="epochs that it was fitted for")


def write_warm_start(
    settings: FitSettings, classes: tuple[str, ...], state: Mapping[str, Tensor], folder: Path
) -> None:
    """Write what a fit leaves, unsealed, into its folder; only its owner may read the file.

    Large tensors are written in float16. Small ones are not: normalisations and the bottleneck may go beyond it.

    Args:
        settings: what was asked.
        classes: names of the classes.
        state: the averaged weights of the fitted detector, by name; adversaries are left out.
        folder: of the fit.
    """
    fields = {name: getattr(settings, name) for name in ("architecture", "patch", "channels", "bits", "size", "epochs")}
    header = WarmStartHeader(classes=classes, **fields)
    tensors = {
        name: (tensor.half() if tensor.is_floating_point() and tensor.numel() >= _LARGE else tensor)
        .detach()
        .cpu()
        .contiguous()
        for name, tensor in state.items()
        if _ADVERSARIES not in name
    }
    content = safetensors.torch.save(tensors, {"format": "pt", _HEADER: header.model_dump_json()})
    write_private(folder / WARM_START_FILE, content)


def check_warm_start(settings: FitSettings) -> WarmStartHeader | None:
    """Return the header of the warm start that a fit is to begin from, if it is to.

    Raises:
        OptionError: if it does not go with the other settings.
        ModelError: if the file is none.
    """
    path = settings.warm_start
    if path is None:
        return None
    header = _header(path)
    for name in ("architecture", "patch", "channels", "bits"):
        given, own = getattr(settings, name), getattr(header, name)
        if given != own:
            raise OptionError(f"`{name}` {given} is not that of `warm_start` {path}; give {own}")
    return header


def load_warm_start(model: DetectionModel, settings: FitSettings) -> None:
    """Load a warm start into a detector with a stem of the same shape; classes of other names keep what they have.

    Args:
        model: as `build_fit` builds it.
        settings: what was asked, with a `warm_start`.

    Raises:
        OptionError, ModelError: as for `check_warm_start`, and if its tensors do not fit.
    """
    header = check_warm_start(settings)
    assert header is not None and settings.warm_start is not None  # noqa: S101, PT018 - whoever calls this has one
    path, tensors = settings.warm_start, _tensors(settings.warm_start)
    source = assemble(settings.model_copy(update={"weights": None}), header.classes)
    own = {name: tensor.shape for name, tensor in source.state_dict().items() if _ADVERSARIES not in name}
    wrong = own.items() ^ {name: tensor.shape for name, tensor in tensors.items()}.items()
    if wrong:
        raise _unusable(path, f"{min(wrong)[0]} is not that of a {header.architecture}")
    source.load_state_dict(tensors, strict=False)
    model.load(source, verbose=False)


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        loaded = safetensors.torch.load(read_content(path, _MOST_BYTES))
    except ContentError as error:
        raise _unusable(path, str(error)) from None
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _unusable(path, type(error).__name__) from None
    for name, tensor in loaded.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise _unusable(path, f"{name} holds what is no number")
    return loaded


def _header(path: Path) -> WarmStartHeader:
    try:
        with safe_open(path, framework="pt") as file:
            stored: Any = (file.metadata() or {}).get(_HEADER)
    except (SafetensorError, OSError) as error:
        raise _unusable(path, getattr(error, "strerror", None) or "no safetensors file") from None
    if stored is None:
        raise _unusable(path, "no fit wrote it")
    try:
        return WarmStartHeader.model_validate_json(stored)
    except ValidationError as error:
        fault = error.errors()[0]
        raise _unusable(path, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None


def _unusable(path: Path, reason: str) -> ModelError:
    return ModelError(f"warm start {path} cannot be used ({reason}); give the {WARM_START_FILE} of a fit")
