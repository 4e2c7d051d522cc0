"""Fitting a veil: what is fitted, and how its codes begin."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from raypp.detect.adapter import CodeAdapter
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.model import build_detector, load_public_weights, replace_stages, stages_at
from raypp.detect.ultralytics import DetectionModel
from raypp.fit.adversary import AdversaryNetwork
from raypp.fit.encoder import LevelEncoder, first_stages
from raypp.fit.settings import FitSettings
from raypp.fit.stem import LearnedStem, stem_of
from raypp.train.adapter_fitting import distil
from raypp.train.steps import OnStep

_START_BATCHES = 8


def build_fit(settings: FitSettings, classes: tuple[str, ...]) -> DetectionModel:
    """Build the detector that is fitted: public weights, with a stem in the place of its first layers.

    Raises:
        ModelError: if the architecture or the weights do not do.
    """
    model = build_detector(settings.architecture, classes, None)
    load_public_weights(model, settings.weights)
    stages, features = first_stages(model, settings.patch)
    encoder = LevelEncoder(stages, features, settings.channels, 1 << settings.bits)
    codes = CodeInput(settings.channels, settings.bits, settings.patch)
    last, wanted = stages_at(model, codes.stride)
    adapter = CodeAdapter(codes.channels, 1 << codes.bits, 1, codes.patch // codes.stride, wanted)
    replaced: Any = model.model[last]
    adapter.bn.load_state_dict(replaced.bn.state_dict())
    adversaries = [
        AdversaryNetwork(shape, codes.channels, 1 << codes.bits, codes.patch) for shape in settings.adversaries
    ]
    replace_stages(model, last, LearnedStem(encoder, adapter, adversaries))
    return model


def warm_up_codes(
    model: DetectionModel,
    settings: FitSettings,
    batches: Callable[[int], Iterable[DetectionBatch]],
    steps: int,
    device: torch.device,
    on_step: OnStep | None = None,
) -> float:
    """Let codes carry the public features before anything else: bottleneck by their spread, adapter by distillation.

    Args:
        model: as `build_fit` built it.
        settings: what was asked.
        batches: the images of an epoch, by number from 0.
        steps: batches of an epoch.
        device: where.
        on_step: is told of each step.

    Returns:
        The share of the features' variance that codes carried in the last epoch, at most 1.
    """
    stem = stem_of(model).to(device)
    public = build_detector(settings.architecture, tuple(model.names.values()), None)
    load_public_weights(public, settings.weights)
    last, _ = stages_at(public, min(settings.patch, 8))
    wanted_of = public.model[: last + 1].to(device).eval()
    stem.encoder.start_from(
        (batch.network_inputs(device) for batch in islice(batches(0), _START_BATCHES)), settings.seed
    )
    stem.train()
    stem.encoder.stages.requires_grad_(False)

    def features(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in batches(epoch):
            images = batch.network_inputs(device)
            with torch.no_grad():
                wanted = wanted_of(images).float()
            yield stem(images).float(), wanted

    learnt = [*stem.adapter.parameters(), *stem.encoder.bottleneck.parameters()]
    explained = distil(features, learnt, settings.warm_up, steps, on_step)
    stem.encoder.stages.requires_grad_(True)
    stem.take_codes()
    return explained
