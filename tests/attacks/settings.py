"""The veils under attack: the grid of specs, and two weak ones without a fold as positive controls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from raypp.audit.core.model import AttackTarget, Images
from raypp.veil.key import VeilKey
from raypp.veil.patch import to_patches
from raypp.veil.spec import PatchSpec, spec_of
from raypp.veil.veil import Veil

Codes = npt.NDArray[np.uint8]
Encode = Callable[[npt.NDArray[np.uint8]], Codes]

KEY = VeilKey(bytes(range(32)))


@dataclass(frozen=True)
class Setting:
    """One veil under attack.

    Attributes:
        name: what differs from the default.
        patch, channels, bits: as in a spec.
        camera: returns the encoder of a camera by its name.
    """

    name: str
    patch: int
    channels: int
    bits: int
    camera: Callable[[str], Encode]

    @property
    def target(self) -> AttackTarget:
        """The same as an audit attacks it."""

        def encode(images: Images) -> Codes:
            codes = [self.camera(name)(frame[None]) for name, frame in zip(images.cameras, images.frames, strict=True)]
            return np.concatenate(codes)

        return AttackTarget(self.name, self.patch, self.channels, 1 << self.bits, encode)

    @property
    def frame_bytes(self) -> float:
        """Packed size of the code of a 640x480 frame."""
        return self.channels * (480 // self.patch) * (640 // self.patch) * self.bits / 8


def of_spec(name: str, **fields: Any) -> Setting:
    """A veil of the product: the default spec with some fields changed."""
    spec = spec_of(fields)
    veil = Veil(spec, KEY)
    return Setting(name, spec.patch, spec.channels, spec.bits, lambda camera: veil.stream("attack", camera).encode)


def linear(name: str, bits: int, *, band_limited: bool) -> Setting:
    """A keyed linear veil, 8x8 to 16 channels: random weights, or the product's first mix without anything after."""
    spec = PatchSpec()
    weights = np.random.default_rng(1).normal(size=(spec.channels, 192))
    if band_limited:
        weights = Veil(spec, KEY).stream("attack", "camera").tables.first.astype(np.float64)

    def encode(frames: npt.NDArray[np.uint8]) -> Codes:
        patches = np.stack([to_patches(frame, spec.patch) for frame in frames]) - 128
        values = patches @ (weights / np.abs(weights).sum(axis=1, keepdims=True)).T
        # Scaled by hand so that few values of ordinary images are clipped.
        levels = np.clip((values / (12 if band_limited else 24) + 1) / 2, 0, 1) * (2**bits - 1)
        grid = (len(frames), frames.shape[1] // spec.patch, frames.shape[2] // spec.patch, spec.channels)
        return np.round(levels).astype(np.uint8).reshape(grid).transpose(0, 3, 1, 2)

    return Setting(name, spec.patch, spec.channels, bits, lambda _: encode)


def controls() -> list[Setting]:
    """Veils known to be weak, which the attacks must open."""
    return [
        linear("control: linear, 8 bits", 8, band_limited=False),
        linear("control: linear, band-limited, 8 bits", 8, band_limited=True),
    ]


def grid() -> list[Setting]:
    """The default, and what changes around it."""
    return [
        of_spec("default"),
        of_spec("fold 0", fold=0),
        of_spec("fold 2", fold=2),
        of_spec("fold 3", fold=3),
        of_spec("mix 1", mix=1),
        of_spec("mix 8", mix=8),
        of_spec("mix 16", mix=16),
        of_spec("bits 2", bits=2),
        of_spec("bits 4", bits=4),
        of_spec("8 channels", channels=8),
        of_spec("32 channels", channels=32),
        of_spec("band 1-2", band_high=2),
        of_spec("band 1-8", band_high=8),
        of_spec("no chroma", chroma_high=0),
        of_spec("dither 0", dither=0),
        of_spec("dither 8", dither=8),
        of_spec("K 1", sub_keys=1),
        of_spec("fold 0, mix 16", fold=0, mix=16),
        of_spec("fold 0, bits 4", fold=0, bits=4),
        of_spec("fold 2, mix 8", fold=2, mix=8),
        of_spec("patch 4, 8 channels", patch=4, channels=8),
        of_spec("patch 4", patch=4),
        of_spec("patch 16", patch=16),
        of_spec("patch 16, 32 channels", patch=16, channels=32),
    ]
