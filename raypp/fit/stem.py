"""A detector's first layers while a veil is fitted: encoder, quantisation, adapter; and the adversaries beside them."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from raypp.audit.attacks.reconstruct.similarity import correlation, textured
from raypp.detect.adapter import CodeAdapter
from raypp.detect.level_encoder import LevelEncoder
from raypp.detect.open_stem import OpenStem
from raypp.detect.quantise import one_hot_levels
from raypp.detect.ultralytics import DetectionModel
from raypp.fit.adversary import UNIT, AdversaryNetwork, cells_of, explained
from raypp.fit.context_model import ContextModel
from raypp.fit.reversal import reverse_gradient

LEARNS_BESIDE = (".adversaries.", ".context.")
"""Parts of the names of tensors that belong to neither encoder nor detector, and are left behind when a fit ends."""
_SHOWN_OF = 2
"""One image of so many is shown to the adversaries: they are many, and would take as long as the detector."""


@dataclass(frozen=True)
class HidingWeights:
    """Weights of hiding images in the codes.

    Attributes:
        weight: weight of hiding against the detector's loss; 0 hides nothing, and the adversaries only look on.
        tone: a cell's colour as a whole, relative to what is inside the cell.
        rate: weight of the bits of a value, given those that come before; 0 for codes of any length.
    """

    weight: float
    tone: float
    rate: float


class LearnedStem(OpenStem):
    """The part of a detector that replaces the layers before the codes, while detector and veil are fitted.

    Args:
        encoder: from images to levels.
        adapter: from one-hot levels to the features of the trunk; of one sub-key.
        adversaries: who tries to reconstruct the images; one at least.
        context: what expects values from those before; None where codes may have any length.
    """

    def __init__(
        self,
        encoder: LevelEncoder,
        adapter: CodeAdapter,
        adversaries: list[AdversaryNetwork],
        context: ContextModel | None = None,
    ) -> None:
        super().__init__(encoder, adapter)
        self.context = context
        self.adversaries = nn.ModuleList(adversaries)
        self.patch = adversaries[0].patch
        self._seen: Tensor | None = None

    def forward(self, images_N3HW: Tensor) -> Tensor:
        """Turn images, float[N, 3, H, W] in [0, 1], into features of the trunk by way of their codes."""
        one_hot = one_hot_levels(self.encoder(images_N3HW), self.encoder.levels)
        if self.training:
            self._seen = one_hot
        return self.adapted(one_hot)

    def take_codes(self) -> Tensor:
        """Return the one-hot codes of the last images in training, once."""
        seen, self._seen = self._seen, None
        if seen is None:
            raise RuntimeError("no images were encoded in training")
        return seen


class AdversarialNetwork(nn.Module):
    """A detector in training with its adversaries: one loss that all of them follow, the encoder against the latter.

    Args:
        detector: a detector with a `LearnedStem`.
        hidden: what to hide.
    """

    def __init__(self, detector: DetectionModel, hidden: HidingWeights) -> None:
        super().__init__()
        self.detector = detector
        self.stem = stem_of(detector)
        self.hidden = hidden

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of a batch, summed over images as ultralytics' is, and its parts by name."""
        loss, items = self.detector(batch)
        images = batch["img"]
        shown = max(1, len(images) // _SHOWN_OF)
        total, parts = self._adversaries(self.stem.take_codes()[:shown], images[:shown])
        return loss.sum() + total * len(images), {**items, **parts}

    def _adversaries(self, codes: Tensor, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        stem, hidden = self.stem, self.hidden
        with torch.no_grad():
            cells, edges, tone = cells_of(images, stem.patch)
            counted = textured(cells, UNIT)
        shown = reverse_gradient(codes, hidden.weight / len(stem.adversaries))
        losses, details, tones = [], [], []
        for adversary in stem.adversaries:
            mine = adversary(shown)
            detail = correlation(mine[0], cells, counted)
            colour = explained(mine[2], tone)
            losses.append(-detail - correlation(mine[1], edges, counted) / 2 - hidden.tone * colour)
            details.append(detail.detach())
            tones.append(colour.detach())
        total = torch.stack(losses).sum()
        bits = entropy(codes, stem.encoder.levels)
        parts = {"detail": torch.stack(details).max(), "tone": torch.stack(tones).max(), "bits": bits.detach()}
        if stem.context is not None:
            total = total + hidden.rate * stem.context(codes)
        return total, parts


def entropy(one_hot_N: Tensor, levels: int) -> Tensor:
    """Mean entropy of a channel's values over a batch, in bits."""
    shares = one_hot_N.reshape(len(one_hot_N), -1, levels, *one_hot_N.shape[2:]).mean((0, 3, 4)).clamp(min=1e-6)
    bits: Tensor = -(shares * shares.log2()).sum(1).mean()
    return bits


def stem_of(model: Any) -> LearnedStem:
    """Return the stem of a detector that is being fitted."""
    return next(layer for layer in model.model if isinstance(layer, LearnedStem))
