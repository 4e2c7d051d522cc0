"""Fitting a veil: what is fitted, and how its codes begin."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.level_encoder import first_stages
from raypp.detect.model import build_detector, load_public_weights, stages_at
from raypp.detect.ultralytics import DetectionModel
from raypp.fit.assembly import assemble
from raypp.fit.settings import FitSettings
from raypp.fit.stem import stem_of
from raypp.fit.warm_start import load_warm_start
from raypp.train.adapter_fitting import distil
from raypp.train.steps import OnStep

_SEED_BITS = 256
_START_BATCHES = 8


def build_fit(settings: FitSettings, classes: tuple[str, ...]) -> DetectionModel:
    """Build the detector that is fitted, from public weights or from what an earlier fit published.

    Raises:
        OptionError: if the settings do not go with the `warm_start`.
        ModelError: if the architecture, the weights or the `warm_start` do not do.
    """
    model = assemble(settings, classes)
    if settings.warm_start is not None:
        load_warm_start(model, settings)
    return model


def warm_up_codes(
    model: DetectionModel,
    settings: FitSettings,
    batches: Callable[[int], Iterable[DetectionBatch]],
    steps: int,
    device: torch.device,
    on_step: OnStep | None = None,
) -> float:
    """Let codes carry what features are before anything else: bottleneck by their spread, adapter by distillation.

    The features are those of the public weights, or those that the warm start makes of its own codes. Codes begin at
    a rotation of their own that nobody can tell: whoever has the public weights or the warm start does not have it. A
    stated seed, of a fit without a warm start, tells it.

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
    wanted_of = _first_layers(model, settings).to(device).eval()
    if settings.encoder is EncoderKind.INTEGER and settings.warm_start is None:
        _teach(model, settings, batches, steps, device, on_step)
    seen = (batch.network_inputs(device) for batch in islice(batches(0), _START_BATCHES))
    secret = np.random.default_rng(secrets.randbits(_SEED_BITS))
    if settings.warm_start is not None:
        stem.encoder.turn(seen, secret)
    else:
        stem.encoder.start_from(seen, secret if settings.seed is None else np.random.default_rng(settings.seed))
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


def _teach(
    model: DetectionModel,
    settings: FitSettings,
    batches: Callable[[int], Iterable[DetectionBatch]],
    steps: int,
    device: torch.device,
    on_step: OnStep | None,
) -> None:
    """Teach an encoder that begins at random weights the public stages of its stride, up to a linear map of them."""
    encoder = stem_of(model).encoder
    stages, features = first_stages(_public(model, settings), settings.patch)
    stages = stages.to(device).eval()
    head = nn.Conv2d(encoder.bottleneck.in_channels, features, 1).to(device)
    encoder.train()

    def taught(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in batches(epoch):
            images = batch.network_inputs(device)
            with torch.no_grad():
                wanted = stages(images).float()
            yield head(encoder.stages(images)).float(), wanted

    distil(taught, [*encoder.stages.parameters(), *head.parameters()], settings.warm_up, steps, on_step)


def _first_layers(model: DetectionModel, settings: FitSettings) -> nn.Module:
    """Return what gives the features that codes are to carry: public layers, or the warm start's whole stem."""
    if settings.warm_start is not None:
        return deepcopy(stem_of(model))
    public = _public(model, settings)
    last, _ = stages_at(public, min(settings.patch, 8))
    return nn.Sequential(*public.model[: last + 1])


def _public(model: DetectionModel, settings: FitSettings) -> DetectionModel:
    """Return the public detector of the same architecture."""
    public = build_detector(settings.architecture, tuple(model.names.values()), None)
    if settings.weights is not None:
        load_public_weights(public, settings.weights)
    return public
