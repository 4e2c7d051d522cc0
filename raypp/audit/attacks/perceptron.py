"""From known pairs: a perceptron from the codes of 3x3 cells to the pixels of the middle one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from raypp.audit.attacks.cells import neighbourhoods, patches, pictures
from raypp.audit.attacks.pairs import FromPairs
from raypp.audit.model import Case, Frames

_BATCH = 512
_HIDDEN = 512
_GREY, _SPREAD = 128.0, 64.0
"""Bring pixels near zero and one for training."""
_MOST_ONE_HOT = 6000


@dataclass(frozen=True)
class Perceptron(FromPairs):
    """Two hidden layers, trained for `steps` steps on `pairs` known pictures."""

    steps: int = 2500
    method: ClassVar[str] = "perceptron"

    def rebuild(self, case: Case) -> Frames:
        """Train on known pairs, decode the victims."""
        veiling, known = case.veiling, self.known(case)
        features = torch.from_numpy(neighbourhoods(veiling.encode(known)))
        pixels = (torch.from_numpy(patches(known.frames, veiling.patch)) - _GREY) / _SPREAD
        width = features.shape[1]
        one_hot = width * veiling.levels <= _MOST_ONE_HOT
        values = torch.arange(veiling.levels, dtype=torch.uint8)

        def inputs(part: Tensor) -> Tensor:
            if one_hot:
                return (part[:, :, None] == values).flatten(1).float()
            return part.float() / (veiling.levels - 1) - 0.5

        torch.manual_seed(case.seed)
        net = nn.Sequential(
            nn.Linear(width * veiling.levels if one_hot else width, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, _HIDDEN),
            nn.ReLU(),
            nn.Linear(_HIDDEN, pixels.shape[1]),
        )
        optimizer = torch.optim.Adam(net.parameters(), 1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=self.steps)
        chance = np.random.default_rng(case.seed)
        for _ in range(self.steps):
            batch = torch.from_numpy(chance.integers(0, len(features), _BATCH))
            loss = (net(inputs(features[batch])) - pixels[batch]).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        with torch.inference_mode():
            parts = torch.from_numpy(neighbourhoods(veiling.encode(case.victims))).split(4096)  # type: ignore[no-untyped-call]
            guessed = torch.cat([net(inputs(part)) for part in parts]) * _SPREAD + _GREY
        return pictures(guessed.numpy(), case.victims.frames.shape, veiling.patch)
