"""A linear decoder from features on a grid to images."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from raypp.audit.attacks.reconstruct.network import to_targets
from raypp.audit.core.model import Features, Frames

_PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)
"""Of the mean variance of a feature."""
_GREY, _SPREAD = 128.0, 64.0


@dataclass(frozen=True)
class LinearDecoder:
    """Weights from the features of 3x3 cells to the pixels of the middle one; the border repeats.

    Attributes:
        weights: float64[9*F + 1, 3*p*p], the last row for a constant.
        patch: side of a cell in pixels, p.
    """

    weights: Tensor
    patch: int

    @classmethod
    def fit(cls, features_NFGG: Features, frames: Frames) -> "LinearDecoder":
        """Fit by ridge regression; the penalty is the best of few on the fifth of the images that is held out."""
        patch = frames.shape[1] // features_NFGG.shape[2]
        held = max(1, len(frames) // 5)
        sums = [
            _moments(features_NFGG[places], frames[places], patch) for places in (slice(held, None), slice(0, held))
        ]
        gram, cross, _ = sums[0]
        unit = float(gram.diagonal()[:-1].mean())
        tried = [
            cls(torch.linalg.solve(gram + penalty * unit * torch.eye(len(gram), dtype=gram.dtype), cross), patch)
            for penalty in _PENALTIES
        ]
        return min(tried, key=lambda decoder: decoder.error(*sums[1]))

    def error(self, gram: Tensor, cross: Tensor, power: float) -> float:
        """Squared error on images of these moments."""
        return power + float((self.weights * (gram @ self.weights - 2 * cross)).sum())

    def decode(self, features_NFGG: Features) -> Frames:
        """Return the images behind features, uint8[N, G*p, G'*p, 3]."""
        frames_N = []
        for feature_FGG in features_NFGG:
            flat = _around(feature_FGG) @ self.weights
            cells = flat.T.reshape(1, -1, *feature_FGG.shape[1:])
            pixels = functional.pixel_shuffle(cells, self.patch)[0].permute(1, 2, 0) * _SPREAD + _GREY
            frames_N.append(pixels.round().clamp(0, 255).to(torch.uint8).numpy())
        frames: Frames = np.stack(frames_N)
        return frames


def _moments(features: Features, frames: Frames, patch: int) -> tuple[Tensor, Tensor, float]:
    """Sums over cells of x x', of x y', and of y'y, for features x and pixels y."""
    width, pixels = 9 * features.shape[1] + 1, 3 * patch**2
    gram, cross = torch.zeros(width, width, dtype=torch.double), torch.zeros(width, pixels, dtype=torch.double)
    power = 0.0
    for feature_FGG, frame in zip(features, frames, strict=True):
        x, y = _around(feature_FGG), functional.pixel_unshuffle(to_targets(frame[None]), patch)[0].flatten(1).T.double()
        gram += x.T @ x
        cross += x.T @ y
        power += float(y.square().sum())
    return gram, cross, power


def _around(features_FGG: Features) -> Tensor:
    """Features of the 3x3 cells around each cell and a one, float64[G*G', 9*F + 1]."""
    wide = functional.pad(torch.from_numpy(features_FGG)[None].float(), (1, 1, 1, 1), mode="replicate")
    flat = functional.unfold(wide, 3)[0].T.double()
    return torch.cat([flat, torch.ones(len(flat), 1, dtype=torch.double)], 1)
