"""Warm starts as whoever has one reads them: tensors, and the stem that leads from images to features."""

from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector
from raypp.detect.open_stem import OpenStem, build_stem
from raypp.detect.warm_start_header import WarmStartHeader, read_warm_start_header, unusable
from raypp.errors import ContentError
from raypp.io.content import read_content

_MOST_BYTES = 1 << 30
_VARIANCE = ".running_var"
_TYPES = torch.float16, torch.float32, torch.int64


def read_warm_start(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a warm start, by name.

    Raises:
        ModelError: if the file is none, or holds what weights cannot be.
    """
    try:
        loaded = safetensors.torch.load(read_content(path, _MOST_BYTES))
    except ContentError as error:
        raise unusable(path, str(error)) from None
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise unusable(path, type(error).__name__) from None
    for name, tensor in loaded.items():
        if tensor.dtype not in _TYPES:
            raise unusable(path, f"{name} is of type {tensor.dtype}")
        if not torch.isfinite(tensor).all() or (name.endswith(_VARIANCE) and (tensor < 0).any()):
            raise unusable(path, f"{name} holds what it cannot be")
    return loaded


def open_warm_start(path: Path) -> tuple[WarmStartHeader, OpenStem]:
    """Open the stem of a warm start, in evaluation mode, with the settings that it was fitted with.

    Raises:
        ModelError: if the file is none.
    """
    header = read_warm_start_header(path)
    model = build_detector(header.architecture, header.classes, None)
    stem, last = build_stem(model, CodeInput(header.channels, header.bits, header.patch), header.encoder)
    begin, tensors = f"model.{last}.", read_warm_start(path)
    own = {name.removeprefix(begin): tensor for name, tensor in tensors.items() if name.startswith(begin)}
    try:
        stem.load_state_dict(own)
    except RuntimeError:
        raise unusable(path, f"its tensors are not those of a {header.architecture}") from None
    return header, stem.eval()
