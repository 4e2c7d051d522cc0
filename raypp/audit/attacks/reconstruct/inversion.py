"""Feature inversion: the image whose public features come nearest to what an adapter makes of a veiled one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from raypp.audit.attacks.reconstruct.bridge import align, feature_moments, led_to
from raypp.audit.attacks.reconstruct.linear import LinearDecoder
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Frames

_RATE = 0.02
_STILL = 1e-6


@dataclass(frozen=True)
class FeatureInversion:
    """Optimises pixels through the frozen public layers, held to images of little total variation.

    Mahendran and Vedaldi (Understanding Deep Image Representations by Inverting Them, CVPR 2015), begun where a linear
    decoder learnt on images of the attacker's own leads. Unlike the bridge's decoders it uses the public layers
    themselves, and so is exact where an adapter leads to public features exactly.

    Attributes:
        steps: of the optimisation.
        variation: weight of total variation.
    """

    steps: int
    variation: float = 20.0
    adversary: Adversary = Adversary.INSIDER
    id: ClassVar[AttackId] = AttackId(family="feature inversion by optimisation")
    knowledge: str = "the victims' shards, the detector, public weights, and images of his own that were never veiled"

    def reconstruct(self, case: Case) -> Frames:
        """Optimise each victim by itself.

        Raises:
            OptionError: if the case has no detector or no public weights.
        """
        features, known, led = led_to(case, self.id.name)
        public = features(known)
        seen = align(led, public)
        _, spread = (torch.from_numpy(moment) for moment in feature_moments(public))
        begun = LinearDecoder.fit(public, known).decode(seen)

        def invert(features_FGG: Tensor, start_HW3: Frames) -> Frames:
            pixels = (torch.from_numpy(start_HW3).permute(2, 0, 1)[None].float() / 255).requires_grad_()
            optimizer = torch.optim.Adam([pixels], _RATE)
            schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
            for _ in range(self.steps):
                away = ((features.of(pixels)[0] - features_FGG) / spread).square().mean()
                (pixels.grad,) = torch.autograd.grad(away + self.variation * variation_of(pixels), [pixels])
                optimizer.step()
                schedule.step()
                with torch.no_grad():
                    pixels.clamp_(0, 1)
            frame: Frames = (pixels.detach()[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
            return frame

        return np.stack([invert(torch.from_numpy(wanted), start) for wanted, start in zip(seen, begun, strict=True)])


def variation_of(pixels_N3HW: Tensor) -> Tensor:
    """Mean length of the step from a pixel to the next ones across and down (Rudin, Osher and Fatemi, 1992)."""
    across = pixels_N3HW[..., :-1, 1:] - pixels_N3HW[..., :-1, :-1]
    down = pixels_N3HW[..., 1:, :-1] - pixels_N3HW[..., :-1, :-1]
    return (across.square() + down.square() + _STILL).sqrt().mean()
