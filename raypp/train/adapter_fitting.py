"""Fitting an adapter inside the perimeter: to the features that public weights give on the plain images behind codes.

Distillation of features (Romero et al., FitNets, ICLR 2015): every cell of every image tells what the trunk expects
there, where labels tell only where objects are. It needs codes and plain images side by side, so only the owner
can do it. Whoever is given a fitted adapter is given a map from codes to public features.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from raypp.detect.adapter import CodeAdapter
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError
from raypp.train.steps import WARM_UP, OnStep, steps_told

_RATE = 2e-3
_RISE = 0.1
"""Part of all steps in which the learning rate rises."""
_LEAST_STEPS = 11
"""Of a schedule: torch divides by zero where the rate rises for one step."""
_LEAST_SPREAD = 0.1
"""Channels that hardly vary count at most as if their spread were this share of the median one."""


@dataclass(frozen=True)
class VeiledPair:
    """The same images twice: veiled, and plain."""

    veiled: DetectionBatch
    plain: DetectionBatch


def fit_adapter(
    model: DetectionModel,
    public: DetectionModel,
    pairs: Callable[[int], Iterable[VeiledPair]],
    epochs: int,
    steps: int,
    device: torch.device,
    on_step: OnStep | None = None,
) -> float:
    """Fit the adapter of a detector on codes; nothing else of it changes.

    Args:
        model: the detector on codes.
        public: a detector of the same architecture on plain images, with public weights.
        pairs: the pairs of an epoch, by number from 0.
        epochs: passes over the images.
        steps: pairs of an epoch.
        device: where.
        on_step: is told of each step.

    Returns:
        The share of the features' variance that the adapter explained in the last epoch, at most 1.

    Raises:
        ModelError: if the model has no adapter.
    """
    place = next((number for number, layer in enumerate(model.model) if isinstance(layer, CodeAdapter)), None)
    if place is None:
        raise ModelError("a detector on plain images has no adapter to fit")
    adapter = model.model[place].to(device).train()
    first = public.model[: place + 1].to(device).eval()

    def features(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for pair in pairs(epoch):
            with torch.no_grad(), _half(device):
                wanted = first(pair.plain.network_inputs(device)).float()
            with _half(device):
                given = adapter(pair.veiled.network_inputs(device)).float()
            yield given, wanted

    return distil(features, list(adapter.parameters()), epochs, steps, on_step)


def distil(
    features: Callable[[int], Iterable[tuple[Tensor, Tensor]]],
    parameters: list[torch.nn.Parameter],
    epochs: int,
    steps: int,
    on_step: OnStep | None = None,
) -> float:
    """Train parameters until the features that they give are those that are wanted.

    Args:
        features: of an epoch, by number from 0: for each step what is given, with gradients, and what is wanted,
            float[N, C, H, W].
        parameters: what is trained.
        epochs: how many.
        steps: steps of an epoch.
        on_step: is told of each step, as one of a warm-up.

    Returns:
        The share of the wanted features' variance that was explained in the last epoch, at most 1.
    """
    optimizer = torch.optim.AdamW(parameters, _RATE, weight_decay=1e-4)
    planned = max(epochs * steps, _LEAST_STEPS)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=planned, pct_start=_RISE)
    explained = 0.0
    for epoch in range(epochs):
        errors = spreads = 0.0
        on_loss = steps_told(epoch + 1, epochs, steps, on_step, WARM_UP) if on_step else None
        for step, (given, wanted) in enumerate(features(epoch), 1):
            error, spread = _error(given, wanted)
            optimizer.zero_grad()
            error.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            errors += float(error.detach())
            spreads += spread
            if on_loss is not None:
                on_loss(step, errors / step)
        explained = 1 - errors / max(spreads, 1e-9)
    return explained


def _half(device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16)


def _error(given: Tensor, wanted: Tensor) -> tuple[Tensor, float]:
    """Mean squared error in units of each channel's spread, and what it would be if each channel's mean were given."""
    variance = wanted.var(dim=(0, 2, 3))
    floor = (_LEAST_SPREAD**2) * variance.median()
    units = variance.clamp(min=floor)[:, None, None]
    return ((given - wanted) ** 2 / units).mean(), float((variance / units[:, 0, 0]).mean())
