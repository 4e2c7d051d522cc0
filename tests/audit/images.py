"""Made images for attacks to be tried on, and how much of them came back."""

from dataclasses import dataclass

import numpy as np

from raypp.audit.core.model import Frames, Images
from raypp.audit.metrics import scores


@dataclass(frozen=True)
class Recorded:
    """Frames that a camera is said to have seen."""

    frames: Frames

    def burst(self, count: int) -> Frames:
        return self.frames[:count]

    def whole(self, count: int) -> Frames:
        return self.frames[:count]


def shapes(count: int, size: tuple[int, int], seed: int) -> Images:
    """Rectangles on rectangles, with a camera's noise."""
    generator = np.random.default_rng(seed)
    frames = np.full((count, *size, 3), 120.0)
    for frame in frames:
        for top, left, height, width in generator.integers(4, size[0] // 2, (60, 4)):
            frame[top : top + height, left : left + width] = generator.uniform(0, 255, 3)
    frames += generator.normal(0, 3, frames.shape)
    return Images(np.clip(frames, 0, 255).astype(np.uint8), ("one",) * count, ((),) * count)


def detail(reconstructed: Frames, victims: Images) -> float:
    """Mean correlation inside cells of 8 pixels, of what was reconstructed with what it was to be."""
    return float(np.nanmean(scores.detail(reconstructed, victims.frames, 8)))
