"""What an ML team has besides shards: a detector on codes, and public weights of its architecture."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from raypp.audit.model import Codes, Features, Frames, Pictures, Veiling
from raypp.detect.adapter import CodeAdapter
from raypp.detect.checkpoint import load_detector
from raypp.detect.model import build_detector, load_public_weights, stages_at
from raypp.errors import ConflictError, ModelError

_NECK_STRIDE = 8
_OPEN_CHANNELS, _OPEN_LEVELS = 32, 16
_DEVIATIONS = 3.0


@dataclass(frozen=True)
class PublicStages:
    """The first layers of a public detector on plain pictures, up to a stride.

    Attributes:
        layers: from pictures float[N, 3, H, W] in [0, 1] to features.
    """

    layers: nn.Sequential

    @torch.inference_mode()
    def __call__(self, frames: Frames) -> Features:
        """Return features of pictures, float32[N, F, H/s, W/s]."""
        made = [self.layers(torch.from_numpy(one[None]).permute(0, 3, 1, 2).float() / 255) for one in frames]
        features: Features = torch.cat(made).numpy()
        return features


@dataclass(frozen=True)
class Team:
    """An ML team's detector and what it started from.

    Attributes:
        adapter: the detector's first layers, from codes to features.
        public: what gives features of plain pictures in the same place.
    """

    adapter: CodeAdapter
    public: PublicStages

    def attack_on(self, veiling: Veiling, sub_key: int) -> Veiling:
        """Return a veiling as the team sees it: with its adapter's features.

        Args:
            veiling: the audited veil.
            sub_key: index of the sub-key of all pictures, which is public.
        """

        @torch.inference_mode()
        def features(pictures: Pictures) -> Features:
            made: list[Tensor] = []
            for codes in veiling.encode(pictures):
                plane = np.full((1, *codes.shape[1:]), sub_key, dtype=np.uint8)
                made.append(self.adapter(torch.from_numpy(np.concatenate([codes, plane]))[None]))
            found: Features = torch.cat(made).numpy()
            return found

        return replace(veiling, features=features)


def open_team(model: Path, weights: Path, veil_id: str) -> Team:
    """Read a detector and the public weights that its features are held against.

    Args:
        model: a bundle, such as `start.model` of a fit or what `raypp export` wrote, or a run's detector folder.
        weights: an ultralytics checkpoint (.pt) of the same architecture.
        veil_id: the audited veil's.

    Raises:
        ModelError: if one of them cannot be read or does not fit.
        ConflictError: if the detector is of another veil.
    """
    detector, about = load_detector(model)
    if about.veil_id != veil_id:
        raise ConflictError(f"model {model} is of veil {about.veil_id}, but {veil_id} is audited; give one of its own")
    layers: Any = detector.model
    adapter = next((layer for layer in layers if isinstance(layer, CodeAdapter)), None)
    if adapter is None:
        raise ModelError(f"model {model} is of plain pictures; give a detector on codes")
    return Team(adapter, public_stages(about.architecture, weights, min(about.patch, _NECK_STRIDE)))


def public_stages(architecture: str, weights: Path, stride: int = _NECK_STRIDE) -> PublicStages:
    """Return the first layers of a public detector up to a stride in pixels; raises ModelError if they do not fit."""
    public = build_detector(architecture, ("object",), None)
    load_public_weights(public, weights)
    last, _ = stages_at(public, stride)
    layers: Any = public.model[: last + 1]
    return PublicStages(layers.eval())


def open_features(public: PublicStages, frames: Frames) -> Veiling:
    """Codes that hide nothing from whoever has public weights: their features, cut to few channels and levels.

    The features' 32 strongest directions, of 16 levels each, and for an adapter the way back: what a learned veil would
    be whose encoder was fitted against nobody. The bridge must open it.

    Args:
        public: what gives features.
        frames: pictures that the directions are of.
    """
    found = public(frames)
    stride = frames.shape[1] // found.shape[2]
    flat = found.transpose(1, 0, 2, 3).reshape(found.shape[1], -1).astype(np.float64)
    mean = flat.mean(axis=1)
    values, vectors = np.linalg.eigh(np.cov(flat))
    axes = vectors[:, ::-1][:, :_OPEN_CHANNELS]
    step = np.sqrt(np.maximum(values[::-1][:_OPEN_CHANNELS], 1e-12)) * (2 * _DEVIATIONS / (_OPEN_LEVELS - 1))

    def encode(pictures: Pictures) -> Codes:
        centred = public(pictures.frames) - mean[:, None, None]
        levels = np.einsum("fc,nfgh->ncgh", axes / step, centred) + (_OPEN_LEVELS - 1) / 2
        codes: Codes = np.clip(np.rint(levels), 0, _OPEN_LEVELS - 1).astype(np.uint8)
        return codes

    def features(pictures: Pictures) -> Features:
        levels = encode(pictures) - (_OPEN_LEVELS - 1) / 2
        back = np.einsum("fc,ncgh->nfgh", axes * step, levels) + mean[:, None, None]
        found: Features = back.astype(np.float32)
        return found

    return Veiling("open features", stride, len(axes.T), _OPEN_LEVELS, encode, features)
