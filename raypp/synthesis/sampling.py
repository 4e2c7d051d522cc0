"""Sampling: frames drawn from nothing but a layout, a few code values at a time, each time from all that are there."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from raypp.detect.precision import half_precision
from raypp.synthesis.batches import MapDrawer
from raypp.synthesis.layout import BoxLayout
from raypp.synthesis.network import MaskedCodeNetwork

STEPS = 24
_CPU = torch.device("cpu")


@torch.inference_mode()
def draw_codes(
    network: MaskedCodeNetwork,
    layouts: Sequence[BoxLayout],
    maps: MapDrawer,
    generator: torch.Generator,
    amp: bool | None = None,
    guidance: float = 0.0,
    steps: int = STEPS,
) -> Tensor:
    """Draw the codes of frames, uint8[N, C, rows, columns].

    All values begin hidden. Each step shows some at places drawn by chance, the first few alone, and names them by the
    odds that the network gives them.

    Args:
        network: in evaluation mode.
        layouts: of one window and sub-key.
        maps: draws their label maps.
        generator: chooses places and names.
        amp: mixed precision.
        guidance: how far odds are moved away from those without a layout, from 0 (classifier-free guidance, Ho and
            Salimans 2022). More gives frames that show their labels more clearly, and are more alike.
        steps: number of steps.
    """
    planes = maps.planes(layouts)
    unlabelled = maps.unlabelled(planes) if guidance else planes
    shape = (len(layouts), network.shape.channels, *planes.shape[-2:])
    codes = torch.full(shape, network.shape.levels, dtype=torch.uint8)
    order = torch.rand(shape, generator=generator).flatten(1).argsort(1).argsort(1).view(shape)
    values = order[0].numel()
    half = half_precision(_CPU, amp)
    shown = 0
    for step in range(steps):
        until = values if step == steps - 1 else round(values * (1 - math.cos(math.pi / 2 * (step + 1) / steps)))
        if until == shown:
            continue
        with torch.autocast("cpu", dtype=half, enabled=half is not None):
            logits = network(codes, planes, layouts[0].sub_key)
            if guidance:
                logits = logits + guidance * (logits - network(codes, unlabelled, layouts[0].sub_key))
        now = (order >= shown) & (order < until)
        odds = logits.movedim(2, -1)[now].softmax(-1)
        codes[now] = torch.multinomial(odds, 1, generator=generator)[:, 0].to(torch.uint8)
        shown = until
    return codes
