"""The insider: a detector on codes, and the public weights or the warm start that it began from."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from raypp.audit.attacks.cells import evenly_chosen
from raypp.audit.core.model import AttackTarget, Codes, Features, Frames, Images
from raypp.detect.adapter import CodeAdapter
from raypp.detect.checkpoint import load_detector
from raypp.detect.model import build_detector, load_public_weights, stages_at
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel
from raypp.detect.warm_start import open_warm_start
from raypp.detect.warm_start_header import is_warm_start, unusable
from raypp.errors import ConflictError, ModelError
from raypp.veil.spec import LearnedSpec

Doubles: TypeAlias = npt.NDArray[np.float64]

_NECK_STRIDE = 8
_OPEN_CHANNELS, _OPEN_LEVELS, _OPEN_DEVIATIONS = 32, 16, 3.0
_FIT_DEVIATIONS = 2.0
"""As `raypp fit` spreads levels."""
_LEAST_SHARE = 1e-4
"""Directions of less than this share of the strongest one's variance are not blown up."""
_DRAWN = 7919
"""Sets the chances of drawn encoders apart from any other."""


@dataclass(frozen=True)
class PublicStages:
    """Features of plain images, by the first layers of a public detector or by the stem of a warm start.

    Attributes:
        layers: from images float[N, 3, H, W] in [0, 1] to features.
        stride: of the features, in pixels.
    """

    layers: nn.Module
    stride: int

    @torch.inference_mode()
    def __call__(self, frames: Frames) -> Features:
        """Return features of images, float32[N, F, H/s, W/s]."""
        batches = [self.of(torch.from_numpy(frame[None]).permute(0, 3, 1, 2).float() / 255) for frame in frames]
        features: Features = torch.cat(batches).numpy()
        return features

    def of(self, pixels_N3HW: Tensor) -> Tensor:
        """Return features of images in [0, 1], float[N, F, H/s, W/s]; gradients flow to the images."""
        features: Tensor = self.layers(pixels_N3HW)
        return features


@dataclass(frozen=True)
class Insider:
    """An insider's detector and what it started from.

    Attributes:
        adapter: the detector's first layers, from codes to features.
        public: what gives features of plain images in the same place.
        at_veil: likewise, at the stride of the veil's cells.
    """

    adapter: CodeAdapter
    public: PublicStages
    at_veil: PublicStages

    def attack_on(self, target: AttackTarget, sub_key: int) -> AttackTarget:
        """Return a target as the insider sees it: with its adapter's features.

        Args:
            target: the audited veil.
            sub_key: index of the sub-key of all images, which is public.
        """

        @torch.inference_mode()
        def features(images: Images) -> Features:
            batches: list[Tensor] = []
            for codes in target.encode(images):
                plane = np.full((1, *codes.shape[1:]), sub_key, dtype=np.uint8)
                batches.append(self.adapter(torch.from_numpy(np.concatenate([codes, plane]))[None]))
            adapted: Features = torch.cat(batches).numpy()
            return adapted

        return replace(target, features=features)


def open_insider(model: Path, weights: Path, veil_id: str) -> Insider:
    """Read a detector, and what it began from, which its features are held against.

    Args:
        model: a bundle, such as `start.model` of a fit or what `raypp export` wrote, or a run's detector folder.
        weights: an ultralytics checkpoint (.pt) of the same architecture, or the warm start of the veil's fit.
        veil_id: the audited veil's.

    Raises:
        ModelError: if one of them cannot be read or does not fit.
        ConflictError: if the detector is of another veil.
    """
    detector, info = open_detector(model, veil_id)
    layers: Any = detector.model
    adapter = next((layer for layer in layers if isinstance(layer, CodeAdapter)), None)
    if adapter is None:
        raise ModelError(f"model {model} is of plain images; give a detector on codes")
    strides = (min(info.patch, _NECK_STRIDE), info.patch)
    if is_warm_start(weights):
        return Insider(adapter, *_warm_stages(weights, adapter, *strides))
    return Insider(adapter, *(public_stages(info.architecture, weights, stride) for stride in strides))


def open_detector(model: Path, veil_id: str) -> tuple[DetectionModel, ModelInfo]:
    """Read a detector, and what it was trained for; raises as `open_insider` does."""
    detector, info = load_detector(model)
    if info.veil_id != veil_id:
        raise ConflictError(f"model {model} is of veil {info.veil_id}, but {veil_id} is audited; give one of its own")
    return detector, info


def _warm_stages(path: Path, adapter: CodeAdapter, neck: int, patch: int) -> tuple[PublicStages, PublicStages]:
    """Return what a warm start leads to features by, and to a cell's values before they are turned.

    Raises:
        ModelError: if no detector with this adapter can have begun from it.
    """
    header, stem = open_warm_start(path)
    own, wanted = (header.patch, stem.adapter.mix.out_channels), (patch, adapter.mix.out_channels)
    if own != wanted:
        raise unusable(
            path, f"cells of {own[0]} pixels and {own[1]} features, the model has {wanted[0]} and {wanted[1]}"
        )
    values = nn.Sequential(stem.encoder.stages, stem.encoder.bottleneck)
    return PublicStages(stem, neck), PublicStages(values.eval(), patch)


def public_stages(architecture: str, weights: Path, stride: int = _NECK_STRIDE) -> PublicStages:
    """Return the first layers of a public detector up to a stride in pixels; raises ModelError if they do not fit."""
    public = build_detector(architecture, ("object",), None)
    load_public_weights(public, weights)
    last, _ = stages_at(public, stride)
    layers: Any = public.model[: last + 1]
    return PublicStages(layers.eval(), stride)


def open_features(public: PublicStages, frames: Frames) -> AttackTarget:
    """Codes that hide nothing from whoever has public weights: their features, cut to few channels and levels.

    The features' 32 strongest directions, of 16 levels each, and for an adapter the way back: what a learned veil would
    be whose encoder was fitted against nobody. The bridge must open it.

    Args:
        public: what gives features.
        frames: images that the directions are of.
    """
    strongest = _Directions.of(public, frames, _OPEN_CHANNELS)
    return _coded("open features", public, strongest, _OPEN_LEVELS, _OPEN_DEVIATIONS)


@dataclass(frozen=True)
class DrawnEncoders:
    """Learned veils as an attacker can draw them: how `raypp fit` starts, each under a rotation of his own.

    The fit begins at a random rotation of the strongest directions of public features, or of a warm start's values;
    where it goes from there depends on the owner's images, and cannot be drawn. The keyed substitution is left out:
    `Axes` do not change by it.

    Attributes:
        public: gives features at the stride of the veil.
        frames: the attacker's images.
        spec: of the audited veil.
    """

    public: PublicStages
    frames: Frames
    spec: LearnedSpec

    def __call__(self, number: int) -> AttackTarget:
        """Draw the encoder of that number."""
        strongest, channels = self._strongest, self.spec.channels
        count = strongest.axes.shape[1]
        normal = np.random.default_rng((_DRAWN, number)).normal(size=(channels, count))
        rotation = np.linalg.qr(normal)[0] if count == channels else normal / np.sqrt(count)
        turned = replace(strongest, axes=strongest.axes @ rotation.T)
        encoder = _coded("drawn encoder", self.public, turned, self.spec.levels, _FIT_DEVIATIONS)
        return replace(encoder, other_owner_key=lambda _: encoder)

    @cached_property
    def _strongest(self) -> "_Directions":
        """Directions of the features of the attacker's images, which no number changes."""
        return _Directions.of(self.public, self.frames, self.spec.channels)


@dataclass(frozen=True)
class _Directions:
    """Directions of features, each of variance 1: their mean float64[F, 1, 1], and float64[F, K]."""

    mean: Doubles
    axes: Doubles

    @classmethod
    def of(cls, public: PublicStages, frames: Frames, count: int) -> "_Directions":
        features = public(evenly_chosen(frames))
        flat = features.transpose(1, 0, 2, 3).reshape(features.shape[1], -1).astype(np.float64)
        values, vectors = np.linalg.eigh(np.cov(flat))
        strongest = slice(None, -1 - min(count, len(values)), -1)
        axes = vectors[:, strongest] / np.sqrt(np.maximum(values[strongest], values[-1] * _LEAST_SHARE))
        return cls(flat.mean(axis=1)[:, None, None], axes)


def _coded(name: str, public: PublicStages, directions: _Directions, levels: int, deviations: float) -> AttackTarget:
    """Features along directions, so many deviations to either side of the mean spread over so many levels."""
    middle = (levels - 1) / 2
    ahead, back = directions.axes * (middle / deviations), np.linalg.pinv(directions.axes).T * (deviations / middle)

    def encode(images: Images) -> Codes:
        coded = np.einsum("fc,nfgh->ncgh", ahead, public(images.frames) - directions.mean)
        codes: Codes = np.clip(np.rint(coded + middle), 0, levels - 1).astype(np.uint8)
        return codes

    def features(images: Images) -> Features:
        decoded: Features = np.einsum("fc,ncgh->nfgh", back, encode(images) - middle) + directions.mean
        return decoded.astype(np.float32)

    return AttackTarget(name, public.stride, directions.axes.shape[1], levels, encode, features)
