"""Building detectors on codes: the stages that the veil's stride replaces give way to an adapter."""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from raypp.detect.adapter import CodeAdapter
from raypp.detect.architecture import describe_architecture, is_yolov7, unknown_architecture
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.ultralytics import (
    Detect,
    DetectionModel,
    default_arguments,
    intersect_dicts,
    safe_load_is_supported,
    torch_safe_load,
)
from raypp.errors import ModelError

_PROBE_PIXELS = 256
_WIDEST = 1024
"""Channels that a class branch may have: ultralytics makes none wider."""


def build_detector(architecture: str, classes: tuple[str, ...], codes: CodeInput | None) -> DetectionModel:
    """Build a detector of an ultralytics family, or YOLOv7, on codes or on plain images.

    The model is built whole for plain images first, so that its strides are in source pixels and its head's biases
    start where they would on plain images; then the layers up to the one that reaches the codes' stride are replaced.
    Layers keep their numbers and names, so public weights load wherever shapes fit.

    Args:
        architecture: name of a detector that ultralytics knows, such as "yolov8n" or "yolo11s", or "yolov7"; with "p"
            (pico) for its scale, such as "yolov8p", the smallest of a family at half its width, for demonstrations on
            a CPU.
        classes: names of the classes.
        codes: the codes it is fed, uint8[N, C + 1, G, G] with the sub-key in the last plane; None for plain
            images, float[N, 3, H, W] in [0, 1].

    Raises:
        ModelError: if the architecture is unknown, no detector, or uses a layer that the codes replace.
    """
    model = _build_plain(architecture, len(classes))
    model.names = dict(enumerate(classes))
    model.args = default_arguments()
    if codes is not None:
        _put_adapter(model, codes)
    return model


def load_public_weights(model: DetectionModel, path: Path) -> int:
    """Load public weights (.pt) as ultralytics does to fine-tune: wherever names and shapes fit.

    The hidden layers of its class branches are taken, at their own width, whatever the number of classes; of their
    last layers, the classes that have the same name; where none has and there are as many, those of the same number.
    Weights of YOLOv7 are libreyolo's, or its authors' v7.pt.

    Returns:
        How many tensors were taken whole.

    Raises:
        ModelError: if the file is no checkpoint, or nothing of it fits.
    """
    if type(model) is DetectionModel:
        source = read_checkpoint(path)
        tensors = source.state_dict()
    else:
        from raypp.detect.yolov7 import read_weights  # noqa: PLC0415 - libreyolo is an extra, and slow to import

        source, tensors = None, read_weights(path)
    fitting = intersect_dicts(tensors, model.state_dict())
    if not fitting:
        raise ModelError(f"weights {path}: not one tensor fits this model; give weights of the same architecture")
    if source is None:
        model.load_state_dict(fitting, strict=False)
        return len(fitting)
    model.load(source, verbose=False)
    return len(intersect_dicts(tensors, model.state_dict()))


def read_checkpoint(path: Path) -> Any:
    """Return the network that an ultralytics checkpoint (.pt) holds, in float32.

    Only networks of ultralytics' and torch's own layers are read: nothing in the file is run.

    Raises:
        ModelError: if the file is no checkpoint, or holds anything else.
    """
    if not safe_load_is_supported():
        raise ModelError(
            f"weights {path}: this torch cannot read them without running them; install torch 2.6 or newer"
        )
    try:
        checkpoint = torch_safe_load(str(path.absolute()), safe_only=True)[0]
        source = (checkpoint.get("ema") or checkpoint["model"]).float()
        source.state_dict()
    except Exception as error:  # noqa: BLE001 - ultralytics and torch raise what their many layers raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"weights {path}: no ultralytics checkpoint ({reason}); give a .pt such as yolov8n.pt"
        ) from None
    return source


def load_trained_weights(model: DetectionModel, tensors: Mapping[str, Tensor]) -> None:
    """Load all weights of a trained detector; its class branches may be as wide as public weights made them.

    Args:
        model: as `build_detector` built it.
        tensors: the detector's state by name.

    Raises:
        RuntimeError: if they do not fit the model.
    """
    head = head_of(model)
    for name in ("cv3", "one2one_cv3"):
        branches = getattr(head, name, None)
        last = tensors.get(f"model.{len(model.model) - 1}.{name}.0.2.weight")
        if branches is None or last is None or last.shape[1] == branches[0][-1].in_channels:
            continue
        width = int(last.shape[1])
        if width > _WIDEST:
            raise RuntimeError(f"class branches of {width} channels")
        wide: Any = DetectionModel(deepcopy(model.yaml), ch=3, nc=width, verbose=False).model[-1]
        for branch in getattr(wide, name):
            branch[-1] = nn.Conv2d(width, head.nc, 1)
        setattr(head, name, getattr(wide, name))
    model.load_state_dict(dict(tensors))


def replace_stages(model: DetectionModel, last: int, replacement: nn.Module) -> None:
    """Put a module in the place of a detector's layers 0 to `last`; it is fed what they were, and gives what they gave.

    Other layers keep their numbers and names.
    """
    layers = _layers(model)
    for number in range(last + 1):
        put: Any = replacement if number == last else nn.Identity()
        put.i, put.f, put.type = number, -1, layers[number].type
        model.model[number] = put


def stages_at(model: DetectionModel, stride: int) -> tuple[int, int]:
    """Return a plain detector's first layer that reaches a stride in pixels: its number, and how many channels it has.

    Raises:
        ModelError: if no layer does.
    """
    return _layers_at(model, stride)[0]


def _layers_at(model: DetectionModel, stride: int) -> list[tuple[int, int]]:
    """Return number and channels of each layer of a stride; raises ModelError if there is none."""
    shapes: list[torch.Size] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, out: shapes.append(out.shape))
        for layer in _layers(model)[:-1]
    ]
    training = model.training
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, _PROBE_PIXELS, _PROBE_PIXELS))
    model.train(training)
    for hook in hooks:
        hook.remove()
    layers = [(number, int(shape[1])) for number, shape in enumerate(shapes) if _PROBE_PIXELS // shape[-1] == stride]
    if not layers:
        raise ModelError(f"the model has no layer of stride {stride}; choose another patch")
    return layers


def _build_plain(architecture: str, classes: int) -> DetectionModel:
    description = describe_architecture(architecture)
    if is_yolov7(architecture):
        try:
            from raypp.detect.yolov7 import YOLOv7  # noqa: PLC0415 - libreyolo is an extra, and slow to import
        except ImportError as error:
            raise ModelError(f"model {architecture} needs {error.name}; install raypp[yolov7]") from None
        return YOLOv7(description, classes)
    try:
        model = DetectionModel(description, ch=3, nc=classes, verbose=False)
    except (FileNotFoundError, KeyError, ValueError, AttributeError):
        raise unknown_architecture(architecture) from None
    if not isinstance(model.model[-1], Detect):
        raise ModelError(f"model {architecture} has no detection head of the YOLO kind; give one such as yolov8n")
    return model


def _put_adapter(model: DetectionModel, codes: CodeInput) -> None:
    last, features = _replaced_up_to(model, codes.stride)
    adapter = CodeAdapter(codes.channels, 1 << codes.bits, codes.sub_keys, codes.patch // codes.stride, features)
    replace_stages(model, last, adapter)


def _replaced_up_to(model: DetectionModel, stride: int) -> tuple[int, int]:
    """Return the first layer of a stride after which no finer features are read; raises ModelError if there is none."""
    for number, channels in _layers_at(model, stride):
        if not any(0 <= source < number for layer in _layers(model)[number + 1 :] for source in _sources(layer)):
            return number, channels
    raise ModelError(f"the model reads features finer than {stride} pixels; use a smaller patch")


def _layers(model: DetectionModel) -> list[Any]:
    return list(model.model.children())


def _sources(layer: Any) -> list[int]:
    return [layer.f] if isinstance(layer.f, int) else layer.f


def head_of(model: DetectionModel) -> Detect:
    """Return a detector's head."""
    return cast("Detect", model.model[-1])
