"""Outputs of a fit: the encoder, sealed under the owner's key, and the detector that trainings start from."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from raypp.detect.bundle import Bundle, write_bundle
from raypp.detect.bundle_header import BundleHeader, BundleModelInfo
from raypp.detect.integer_encoder import IntegerEncoder
from raypp.detect.level_encoder import LevelEncoder
from raypp.detect.model_info import ModelInfo
from raypp.detect.renaming import named_weights
from raypp.detect.schedule import TrainingSchedule
from raypp.fit.fitting import build_fit
from raypp.fit.integer_onnx import integer_onnx
from raypp.fit.settings import FitSettings
from raypp.fit.stem import LEARNS_BESIDE, stem_of
from raypp.io.private import write_private
from raypp.veil.encoder_file import ENCODER_FILE, START_FILE, seal_encoder
from raypp.veil.key import VeilKey
from raypp.veil.learned import INPUT, OUTPUT
from raypp.veil.spec import LearnedSpec
from raypp.veil.substitution import Substitution, every_substitution

FITTED = "fitted on plain images"
"""Dataset version of a bundle that a fit wrote."""
_PROBE_CELLS = (16, 24)
_OPSET = 18


def write_fitted(
    settings: FitSettings,
    classes: tuple[str, ...],
    schedule: TrainingSchedule,
    state: Mapping[str, Tensor],
    key: VeilKey,
    out: Path,
) -> LearnedSpec:
    """Write `encoder.veil` and `start.model` of a fit into its folder.

    Args:
        settings: what was asked.
        classes: names of the classes.
        schedule: how long was fitted.
        state: the averaged weights of the fitted detector.
        key: the owner's key, under which the encoder is sealed.
        out: folder of the fit.

    Returns:
        The spec of the veil that was made.
    """
    model = build_fit(settings, classes)
    model.load_state_dict(dict(state))
    stem = stem_of(model).eval()
    content = to_onnx(stem.encoder, settings.patch)
    spec = settings.spec(key.name_encoder(content))
    info = ModelInfo(
        architecture=settings.architecture,
        classes=classes,
        channels=spec.channels,
        bits=spec.bits,
        patch=spec.patch,
        sub_keys=spec.sub_keys,
        size=settings.size,
        veil_id=key.veil_id(spec),
        spec=spec.model_dump(mode="json"),
        dataset_version=FITTED,
        labels_version=FITTED,
        schedule=schedule,
    )
    header = BundleHeader(
        info=BundleModelInfo.model_validate(info.model_dump(mode="json")),
        precision="float32",
        epochs=settings.epochs,
        scores=None,
    )
    tensors = initial_tensors(state, every_substitution(spec, key))
    write_bundle(Bundle.of(header, tensors), out / START_FILE, None, force=True)
    write_private(out / ENCODER_FILE, seal_encoder(spec, content, key))  # last: it tells that the fit is finished
    return spec


class _Deployed(nn.Module):
    """The encoder as it veils: a frame in, whole levels out."""

    def __init__(self, encoder: LevelEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, frame_1HW3: Tensor) -> Tensor:
        images = frame_1HW3.permute(0, 3, 1, 2).float() / 255
        levels: Tensor = self.encoder(images)
        return levels.round().to(torch.uint8)


def to_onnx(encoder: LevelEncoder, patch: int) -> bytes:
    """Return the encoder as an ONNX file for frames of any whole number of cells.

    Args:
        encoder: the fitted encoder, in evaluation mode.
        patch: side of a cell, in pixels.
    """
    if isinstance(encoder, IntegerEncoder):
        return integer_onnx(encoder)
    frame = torch.zeros(1, *(side * patch for side in _PROBE_CELLS), 3, dtype=torch.uint8)
    network, file, export = _Deployed(encoder).eval().cpu(), io.BytesIO(), cast("Any", torch.onnx.export)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of itself; the other one takes fifty times as long
        export(
            network,
            (frame,),
            file,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {1: "height", 2: "width"}, OUTPUT: {2: "rows", 3: "columns"}},
            opset_version=_OPSET,
            dynamo=False,
            verbose=False,
        )
    return file.getvalue()


def initial_tensors(state: Mapping[str, Tensor], names: list[Substitution]) -> dict[str, Tensor]:
    """Return the tensors of the detector on codes: the fitted one's, its adapter reading each sub-key's names.

    Args:
        state: the fitted detector's, whose stem holds the adapter.
        names: the substitution of each sub-key.
    """
    out = {}
    for name, tensor in state.items():
        if any(part in name for part in (".encoder.", *LEARNS_BESIDE)):
            continue
        named = _under(tensor, names) if name.endswith(".adapter.embed.weight") else tensor
        out[name.replace(".adapter.", ".")] = named
    return out


def _under(embed_WI11: Tensor, names: list[Substitution]) -> Tensor:
    """The embedding [W, C*L, 1, 1] of the encoder's own levels, for the names of K sub-keys: [W*K, C*L, 1, 1]."""
    own = embed_WI11.reshape(len(embed_WI11), *names[0].names.shape)
    return named_weights(own.expand(len(names), -1, -1, -1), names)
