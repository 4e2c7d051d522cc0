"""Warm starts: an encoder and its detector as an earlier fit left them, unsealed, for other fits to begin from."""

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from torch import Tensor

from raypp.detect.bundle import with_sorted_index
from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.model import load_trained_weights
from raypp.detect.ultralytics import DetectionModel
from raypp.detect.warm_start import read_warm_start
from raypp.detect.warm_start_header import HEADER_KEY, WARM_START_FILE, WarmStartHeader, unusable
from raypp.fit.assembly import assemble
from raypp.fit.settings import FitSettings, check_warm_start
from raypp.fit.stem import LEARNS_BESIDE
from raypp.io.private import write_private

_BOTTLENECK = ".bottleneck."


def write_warm_start(
    settings: FitSettings, classes: tuple[str, ...], state: Mapping[str, Tensor], folder: Path
) -> None:
    """Write what a fit leaves, unsealed, into its folder; only its owner may read the file.

    Weights of layers are written in float16. Normalisations and the bottleneck are not: they may go beyond it.

    Args:
        settings: what was asked.
        classes: names of the classes.
        state: the averaged weights of the fitted detector, by name; what learnt beside it is left out.
        folder: of the fit.
    """
    names = ("architecture", "patch", "channels", "bits", "size", "epochs", "encoder")
    fields = {name: getattr(settings, name) for name in names}
    header = WarmStartHeader(classes=classes, **fields)
    tensors = {name: _stored(name, tensor) for name, tensor in state.items() if not _learns_beside(name)}
    plain = {"encoder"} if header.encoder is EncoderKind.STAGES else None  # what earlier versions read
    content = safetensors.torch.save(tensors, {"format": "pt", HEADER_KEY: header.model_dump_json(exclude=plain)})
    write_private(folder / WARM_START_FILE, with_sorted_index(content))


def forget_warm_start(folder: Path) -> None:
    """Delete the warm start in a fit's folder, and what a killed process left of one."""
    for path in (folder / WARM_START_FILE, *folder.glob(f".{WARM_START_FILE}.*")):
        path.unlink(missing_ok=True)


def load_warm_start(model: DetectionModel, settings: FitSettings) -> None:
    """Load a warm start into a detector with a stem of the same shape.

    Classes are taken over by their names; where no name agrees and there are as many of them, by their places.

    Args:
        model: as `assemble` puts it together.
        settings: what was asked, with a `warm_start`.

    Raises:
        OptionError, ModelError: as for `check_warm_start`, and if its tensors do not fit.
    """
    header = check_warm_start(settings)
    assert header is not None and settings.warm_start is not None  # noqa: S101, PT018 - whoever calls this has one
    path, tensors = settings.warm_start, read_warm_start(settings.warm_start)
    source = assemble(settings.model_copy(update={"weights": None}), header.classes)
    beside = {name: tensor for name, tensor in source.state_dict().items() if _learns_beside(name)}
    try:
        load_trained_weights(source, tensors | beside)
    except RuntimeError:
        raise unusable(path, f"its tensors are not those of a {header.architecture}") from None
    model.load(source, verbose=False)


def _learns_beside(name: str) -> bool:
    return any(part in name for part in LEARNS_BESIDE)


def _stored(name: str, tensor: Tensor) -> Tensor:
    tensor = tensor.detach().cpu().contiguous()
    is_weight = tensor.is_floating_point() and tensor.ndim > 1 and _BOTTLENECK not in name
    return tensor.half() if is_weight else tensor
