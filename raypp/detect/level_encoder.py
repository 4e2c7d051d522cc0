"""The encoder of a learned veil as a network: from images to levels of C channels at the veil's stride."""

from collections.abc import Iterable
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn

from raypp.detect.model import stages_at
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError

DEVIATIONS = 2.0
"""Levels span this many standard deviations of a channel to either side of its mean; beyond, they are cut."""
_LEAST_SHARE = 1e-4
"""Directions of features that carry less than this share of the strongest one's variance are not blown up."""


class LevelEncoder(nn.Module):
    """The first stages of a public detector, and a bottleneck of C channels whose values are spread over L levels.

    Args:
        stages: layers from images to features at the veil's stride.
        features: channels of the features.
        channels: channels of the bottleneck, C.
        levels: levels of a channel, L.
    """

    def __init__(self, stages: nn.Sequential, features: int, channels: int, levels: int) -> None:
        super().__init__()
        self.stages = stages
        self.bottleneck = nn.Conv2d(features, channels, 1)
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.levels = levels

    def forward(self, images_N3HW: Tensor) -> Tensor:
        """Turn images, float[N, 3, H, W] in [0, 1], into levels yet to be rounded, float[N, C, H/p, W/p]."""
        spread = (self.levels - 1) / 2
        standard = self.norm(self.bottleneck(self.stages(images_N3HW)).float())
        levels: Tensor = (spread + standard * (spread / DEVIATIONS)).clamp(0, self.levels - 1)
        return levels

    def start_from(self, images: Iterable[Tensor], chance: np.random.Generator) -> None:
        """Start the bottleneck at a random rotation of the features' strongest directions, each of unit variance.

        So every channel carries as much as any other, and which mixture it is depends on chance.

        Args:
            images: some batches, float[N, 3, H, W].
            chance: where the rotation comes from; any is as likely as any other.
        """
        channels, features = self.bottleneck.weight.shape[:2]
        drawn = torch.from_numpy(chance.standard_normal((channels, min(channels, features))))
        turned = _rotation(drawn) if channels <= features else drawn
        rows, mean = self._turned(self.stages, images, turned)
        self._set(rows, -(rows @ mean))

    def turn(self, images: Iterable[Tensor], chance: np.random.Generator) -> None:
        """Turn a fitted bottleneck by a random rotation of its own channels, each again of unit variance.

        Channels carry together what they carried. They no longer go together two by two, so that neither variances
        nor correlations tell the rotation.

        Args:
            images: some batches, float[N, 3, H, W].
            chance: where the rotation comes from; any is as likely as any other.
        """
        turned = _rotation(torch.from_numpy(chance.standard_normal((len(self.bottleneck.weight),) * 2)))
        rows, mean = self._turned(nn.Sequential(self.stages, self.bottleneck), images, turned)
        weight = self.bottleneck.weight[:, :, 0, 0].detach().double()
        bias = weight.new_zeros(len(weight)) if self.bottleneck.bias is None else self.bottleneck.bias.detach().double()
        self._set(rows @ weight, rows @ (bias - mean))

    @torch.no_grad()
    def _set(self, rows_CF: Tensor, bias_C: Tensor) -> None:
        """Let the bottleneck give rows of mean 0 and variance 1, as the normalisation after it finds from now on."""
        self.bottleneck.weight.copy_(rows_CF[:, :, None, None].to(self.bottleneck.weight.dtype))
        if self.bottleneck.bias is not None:
            self.bottleneck.bias.copy_(bias_C.to(self.bottleneck.bias.dtype))
        self.norm.reset_running_stats()

    @torch.no_grad()
    def _turned(self, layers: nn.Module, images: Iterable[Tensor], turned: Tensor) -> tuple[Tensor, Tensor]:
        """Turn the strongest directions of what layers give, each of unit variance.

        Args:
            layers: from images to features.
            images: some batches, float[N, 3, H, W].
            turned: float64[C, min(C, F)].

        Returns:
            The turned directions, float64[C, F], and the features' mean, float64[F].
        """
        total = mean = count = None
        training = self.training
        self.eval()
        for batch in images:
            cells = layers(batch).float().movedim(1, -1).flatten(0, -2).double()
            total = cells.T @ cells if total is None else total + cells.T @ cells
            mean = cells.sum(0) if mean is None else mean + cells.sum(0)
            count = len(cells) if count is None else count + len(cells)
        self.train(training)
        if total is None or mean is None or count is None:
            raise ModelError("there is no image to start the encoder from")
        mean = mean / count
        values, vectors = torch.linalg.eigh(total / count - torch.outer(mean, mean))
        channels = len(self.bottleneck.weight)
        strongest = vectors[:, -channels:] / values[-channels:].clamp(min=float(values[-1]) * _LEAST_SHARE).sqrt()
        return turned.to(strongest.device) @ strongest.T, mean


def first_stages(public: DetectionModel, stride: int) -> tuple[nn.Sequential, int]:
    """Return copies of the layers of a plain detector up to a stride in pixels, and how many channels they give.

    Raises:
        ModelError: if they are no plain sequence of layers.
    """
    last, features = stages_at(public, stride)
    layers = list(public.model.children())[: last + 1]
    if any(layer.f != -1 for layer in layers):
        raise ModelError("the model's first layers are no plain sequence; choose another architecture, such as yolov8n")
    return nn.Sequential(*deepcopy(layers)), features


def _rotation(drawn_CC: Tensor) -> Tensor:
    """Turn numbers of the normal distribution into a rotation; all are equally likely."""
    across, along = torch.linalg.qr(drawn_CC)
    turned: Tensor = across * along.diagonal().sign()  # without it, not every rotation would be as likely
    return turned
