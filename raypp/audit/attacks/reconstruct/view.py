"""Views of codes that anybody with shards would look at first, judged as images."""

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.audit.attacks.cells import evenly_chosen, grid, images
from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Codes, Frames
from raypp.veil.view import component_view

Plane: TypeAlias = npt.NDArray[np.float32]

_SPREAD = (2, 98)  # percentiles that the view stretches to black and white


@dataclass(frozen=True)
class ImageItself:
    """Shows codes that are colours, of a cell or of each of its pixels, as the image that they are."""

    id: ClassVar[AttackId] = AttackId(family="the image itself")
    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    knowledge: str = "the victims' shards, which hold colours"

    def reconstruct(self, case: Case) -> Frames:
        """Return what is published, uint8[N, H, W, 3]: cells of one colour smoothly enlarged."""
        shape, patch = case.victims.frames.shape, case.target.patch
        codes_NhwC = grid(case.target.encode(case.victims))
        if codes_NhwC.shape[-1] == 3:
            return _shown(codes_NhwC, shape)
        return images(codes_NhwC.reshape(-1, 3 * patch**2).astype(np.float32), shape, patch)


@dataclass(frozen=True)
class ComponentView:
    """Shows codes by their strongest principal components (Pearson 1901), without any fitting to images.

    The components of each camera are its own. Whether the first one is light where the image is, or dark, is guessed:
    it is light where the attacker's own images are light on average, cell by cell.
    """

    id: ClassVar[AttackId] = AttackId(family="component view")
    adversary: Adversary = Adversary.CIPHERTEXT_ONLY
    knowledge: str = "the victims' shards, and how light his own images are in each place"

    def reconstruct(self, case: Case) -> Frames:
        """Return grey images, uint8[N, H, W, 3]: the first component, as light and as varied as known images."""
        luma = evenly_chosen(case.known.frames).astype(np.float32) @ np.array((0.299, 0.587, 0.114), dtype=np.float32)
        low, high = np.percentile(luma, _SPREAD)
        shades = self._seen(case)[..., 0].astype(np.float32) / 255
        usual = _enlarged(luma.mean(axis=0), shades.shape[1:])
        cameras = np.array(case.victims.cameras)
        for camera in dict.fromkeys(case.victims.cameras):
            mine = cameras == camera
            if _covariance(shades[mine].mean(axis=0), usual) < 0:
                shades[mine] = 1 - shades[mine]
        shape = case.victims.frames.shape
        grey = [_enlarged(np.float32(low) + np.float32(high - low) * shade, shape[1:3]) for shade in shades]
        return np.repeat(_bytes(grey, shape[:3])[..., None], 3, axis=3)

    def colours(self, case: Case) -> Frames:
        """Return the best three components as red, green and blue, uint8[N, H, W, 3]: for the eye, not for scores."""
        shape = case.victims.frames.shape
        return _shown(self._seen(case), shape)

    @staticmethod
    def _seen(case: Case) -> Frames:
        """Three components of every cell, uint8[N, h, w, 3]."""
        codes: Codes = case.target.encode(case.victims)
        cameras = np.array(case.victims.cameras)
        seen = np.zeros((len(codes), *codes.shape[2:], 3), dtype=np.uint8)
        for camera in dict.fromkeys(case.victims.cameras):
            mine = cameras == camera
            seen[mine] = np.stack(component_view(list(codes[mine])))
        return seen


def _enlarged(plane: Plane, size: tuple[int, ...]) -> Plane:
    """Scale a plane to a height and width, smoothly."""
    return np.asarray(Image.fromarray(plane).resize((size[1], size[0]), Image.Resampling.BICUBIC))


def _shown(colours_Nhw3: Frames, shape: tuple[int, ...]) -> Frames:
    """Scale images of few pixels to a shape (N, H, W, 3)."""
    planes = colours_Nhw3.transpose(0, 3, 1, 2).astype(np.float32)
    return _bytes([np.stack([_enlarged(plane, shape[1:3]) for plane in three], axis=-1) for three in planes], shape)


def _bytes(images: list[Plane], shape: tuple[int, ...]) -> Frames:
    rounded: Frames = np.clip(np.rint(np.array(images, dtype=np.float32)), 0, 255).astype(np.uint8).reshape(shape)
    return rounded


def _covariance(some: Plane, others: Plane) -> float:
    return float(((some - some.mean()) * (others - others.mean())).mean())
