"""The detector that is fitted: a stem of encoder, adapter and adversaries in the place of its first layers."""

from typing import Any

from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, load_public_weights, replace_stages
from raypp.detect.open_stem import build_stem
from raypp.detect.ultralytics import DetectionModel
from raypp.fit.adversary import AdversaryNetwork
from raypp.fit.context_model import ContextModel
from raypp.fit.settings import FitSettings
from raypp.fit.stem import LearnedStem


def assemble(settings: FitSettings, classes: tuple[str, ...]) -> DetectionModel:
    """Put a detector together whose stem has the shape that was asked for; of public weights, where they are given.

    Raises:
        ModelError: if the architecture or the weights do not do.
    """
    model = build_detector(settings.architecture, classes, None)
    if settings.weights is not None:
        load_public_weights(model, settings.weights)
    codes = CodeInput(settings.channels, settings.bits, settings.patch)
    stem, last = build_stem(model, codes, settings.encoder)
    replaced: Any = model.model[last]
    stem.adapter.bn.load_state_dict(replaced.bn.state_dict())
    adversaries = [
        AdversaryNetwork(shape, codes.channels, 1 << codes.bits, codes.patch) for shape in settings.adversaries
    ]
    context = ContextModel(codes.channels, 1 << codes.bits) if settings.rate else None
    replace_stages(model, last, LearnedStem(stem.encoder, stem.adapter, adversaries, context))
    return model
