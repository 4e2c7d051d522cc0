"""The feature bridge: from a detector's adapter over public features to images, without key and without any pair."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch
from torch import Tensor

from raypp.audit.attacks.reconstruct.linear import LinearDecoder
from raypp.audit.attacks.reconstruct.network import GridDecoder, piece, pixels, to_targets
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Features, Frames, PublicFeatures
from raypp.errors import OptionError

_BATCH, _SIDE = 8, 16
_STILL = 1e-3
_MOST_IMAGES = 200
_NOISE = 1.5
"""Most noise, in spreads of a channel, that a network learns under: an adapter comes near public features, no more."""


class Decoder(StrEnum):
    """How features become images."""

    LINEAR = "linear"
    NETWORK = "network"


@dataclass(frozen=True)
class FeatureBridge:
    """A decoder from public features to images, fed with the features that the adapter makes of veiled frames.

    A detector on codes starts from public weights, and its adapter from what the trunk expects: the features that a
    public detector's first stages give of plain images. So the adapter leads from codes into a space in which anybody
    may learn a decoder on images of his own. The known images stand in for the attacker's; they are never veiled.

    Attributes:
        decoder: linear or a network.
        aligned: whether each channel is first given the mean and the spread that it has on public features.
        steps: of the network's training.
    """

    decoder: Decoder
    aligned: bool
    steps: int = 400
    adversary: Adversary = Adversary.INSIDER
    knowledge: str = "the victims' shards, the detector, public weights, and images of his own that were never veiled"

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return AttackId(family="feature bridge", variant=f"{self.decoder}" + (", aligned" if self.aligned else ""))

    def reconstruct(self, case: Case) -> Frames:
        """Learn on public features of known images, decode the adapter's of the victims.

        Raises:
            OptionError: if the case has no detector or no public weights.
        """
        of, known, seen = led_to(case, self.id.name)
        public = of(known)
        if self.aligned:
            seen = align(seen, public)
        if self.decoder is Decoder.LINEAR:
            return LinearDecoder.fit(public, known).decode(seen)
        return self._by_network(public, known, seen, case.seed)

    def _by_network(self, public: Features, known: Frames, seen: Features, seed: int) -> Frames:
        patch = known.shape[1] // public.shape[2]
        mean, spread = feature_moments(public)
        torch.manual_seed(seed)
        net = GridDecoder(public.shape[1], patch)

        def planes(features: Features) -> Tensor:
            return torch.from_numpy((features - mean) / spread).float()

        def draw(chance: np.random.Generator) -> tuple[Tensor, Tensor]:
            places = [piece(chance, public.shape, _SIDE) for _ in range(_BATCH)]
            cut = np.stack([public[image, :, rows, columns] for image, rows, columns in places])
            clean = planes(cut)
            noise = torch.randn_like(clean) * torch.rand(len(clean), 1, 1, 1) * _NOISE
            return clean + noise, to_targets(np.stack([pixels(known, place, patch) for place in places]))

        net.learn(draw, self.steps, np.random.default_rng(seed))
        return net.decode(planes(code_CGG[None]) for code_CGG in seen)


def led_to(case: Case, name: str) -> tuple[PublicFeatures, Frames, Features]:
    """Return what makes public features of images, known images, and what the adapter makes of the victims instead.

    Raises:
        OptionError: naming the attack, if the case has no detector or no public weights.
    """
    if case.public is None or case.target.features is None:
        raise OptionError(f"{name} needs a detector and public weights; give `model` and `weights`")
    return case.public, case.known.frames[:_MOST_IMAGES], case.target.features(case.victims)


def align(features: Features, public: Features) -> Features:
    """Give each channel the mean and the spread that it has in public features."""
    (mean, spread), (wanted, width) = feature_moments(features), feature_moments(public)
    return ((features - mean) * (width / spread) + wanted).astype(np.float32)


def feature_moments(features: Features) -> tuple[Features, Features]:
    """Return mean and spread of each channel, float32[F, 1, 1] each."""
    mean = features.mean(axis=(0, 2, 3), dtype=np.float64)
    spread = features.std(axis=(0, 2, 3), dtype=np.float64)
    return mean.astype(np.float32)[:, None, None], np.maximum(spread, _STILL).astype(np.float32)[:, None, None]
