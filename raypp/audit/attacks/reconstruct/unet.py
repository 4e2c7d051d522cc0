"""From known pairs: a convolutional network from the codes of a whole neighbourhood to images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from torch import Tensor

from raypp.audit.attacks.reconstruct.network import GridDecoder, piece, pixels, to_targets
from raypp.audit.attacks.reconstruct.pairs import FromPairs
from raypp.audit.core.model import AttackTarget, Case, Codes, Frames

Planes: TypeAlias = Callable[[Codes], Tensor]
"""Turns codes, uint8[N, C, g, g'], into planes for a network, float[N, F, g, g']."""

_BATCH, _SIDE = 8, 16
"""Pieces of a batch, and their side in cells."""
_MOST_ONE_HOT = 1024


@dataclass(frozen=True)
class UNet(FromPairs):
    """A U-Net trained for `steps` steps on pieces of `pairs` known images.

    Values of codes are names where they are few, each with weights of its own, and amounts where they are many.
    """

    steps: int = 400
    method: ClassVar[str] = "network"

    def reconstruct(self, case: Case) -> Frames:
        """Train on known pairs, decode the victims."""
        target, known = case.target, self.known(case)
        codes = target.encode(known)
        planes = as_planes(target, codes)
        torch.manual_seed(case.seed)
        net = GridDecoder(planes(codes[:1, :, :1, :1]).shape[1], target.patch)

        def draw(chance: np.random.Generator) -> tuple[Tensor, Tensor]:
            places = [piece(chance, codes.shape, _SIDE) for _ in range(_BATCH)]
            cut = np.stack([codes[image, :, rows, columns] for image, rows, columns in places])
            return planes(cut), to_targets(np.stack([pixels(known.frames, place, target.patch) for place in places]))

        net.learn(draw, self.steps, np.random.default_rng(case.seed))
        victims = target.encode(case.victims)
        return net.decode(planes(code_CGG[None]) for code_CGG in victims)


def as_planes(target: AttackTarget, codes: Codes) -> Planes:
    """Return how codes enter a network: one-hot where values are few, else each channel less its mean, of spread 1."""
    if target.channels * target.levels <= _MOST_ONE_HOT:
        values = torch.arange(target.levels, dtype=torch.uint8)[:, None, None]
        return lambda part: (torch.from_numpy(part)[:, :, None] == values).flatten(1, 2).float()
    flat = codes.transpose(1, 0, 2, 3).reshape(codes.shape[1], -1)
    mean, spread = (
        torch.from_numpy(moment.astype(np.float32))[:, None, None] for moment in (flat.mean(1), flat.std(1))
    )
    return lambda part: (torch.from_numpy(part).float() - mean) / spread.clamp(min=1e-3)
