"""From known pairs: a perceptron from the codes of 3x3 cells to the pixels of the middle one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from raypp.audit.attacks.cells import Places, count_cells, grid, images, neighbourhoods, one_hot, patches
from raypp.audit.attacks.reconstruct.pairs import FromPairs
from raypp.audit.core.model import Case, Codes, Frames
from raypp.detect.precision import half_precision

_BATCH = 512
_HIDDEN = 512
_GREY, _SPREAD = 128.0, 64.0
"""Bring pixels near zero and one for training."""
_MOST_ONE_HOT = 6000
_AT_ONCE = 4096
"""Cells that are decoded at one time."""


@dataclass(frozen=True)
class Perceptron(FromPairs):
    """Two hidden layers, trained for `steps` steps on `pairs` known images; in bfloat16 where a CPU multiplies so."""

    steps: int = 2500
    method: ClassVar[str] = "perceptron"

    def reconstruct(self, case: Case) -> Frames:
        """Train on known pairs, decode the victims."""
        target, known = case.target, self.known(case)
        codes, width = grid(target.encode(known)), 9 * target.channels
        named = width * target.levels <= _MOST_ONE_HOT

        def inputs(codes: Codes, places: Places) -> Tensor:
            part = neighbourhoods(codes, places)
            if named:
                return torch.from_numpy(one_hot(part, target.levels))
            return torch.from_numpy(part).float() / (target.levels - 1) - 0.5

        torch.manual_seed(case.seed)
        net = nn.Sequential(
            nn.Linear(width * target.levels if named else width, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, target.patch**2 * 3),
        )
        half = half_precision(torch.device("cpu"))
        optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=self.steps)
        chance = np.random.default_rng(case.seed)
        for _ in range(self.steps):
            batch = chance.integers(0, count_cells(codes), _BATCH)
            pixels = (torch.from_numpy(patches(known.frames, target.patch, batch)) - _GREY) / _SPREAD
            with torch.autocast("cpu", dtype=half, enabled=half is not None):
                guessed = net(inputs(codes, batch))
            loss = (guessed.float() - pixels).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.inference_mode():
            seen = grid(target.encode(case.victims))
            parts = np.array_split(np.arange(count_cells(seen)), -(-count_cells(seen) // _AT_ONCE))
            decoded = torch.cat([net(inputs(seen, part)) for part in parts]) * _SPREAD + _GREY
        return images(decoded.numpy(), case.victims.frames.shape, target.patch)
