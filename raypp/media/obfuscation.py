"""Other ways to hide than a veil, as they are in use: what each makes of one image, which is an image still."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from pydantic import BaseModel, ConfigDict, Field

from raypp.errors import OptionError
from raypp.geometry.boxes import Box

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""uint8[H, W, 3], RGB."""
NEIGHBOURS = 16
"""Pixels by which two images may differ and still be told apart no better than epsilon allows."""


class _Obscuring(BaseModel, ABC):
    """Interface of all obfuscations."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @property
    @abstractmethod
    def name(self) -> str:
        """Return its one-word name: for file names, and as an arm of a comparison."""

    @property
    @abstractmethod
    def title(self) -> str:
        """Return its name in tables; an audit's row and a comparison's meet by it."""

    @property
    def cell(self) -> int:
        """Height and width must be multiples of this many pixels."""
        return 1

    @abstractmethod
    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
        """Return the obscured image, uint8 of the same shape; a pure function of image and labels.

        Args:
            pixels: the image, left as it is.
            boxes: its labels, normalised to it.

        Raises:
            OptionError: if height or width is no multiple of `cell`.
        """


class Pixelation(_Obscuring):
    """Every square becomes its mean colour.

    The commonest way to hide faces and plates; recognisers trained on it see through it (McPherson et al., Defeating
    Image Obfuscation with Deep Learning, 2016).
    """

    method: Literal["pixelation"] = "pixelation"
    side: Annotated[int, Field(ge=2, le=256, description="of a square, in pixels")]

    @property
    def name(self) -> str:
        """Such as pixelation-16."""
        return f"pixelation-{self.side}"

    @property
    def title(self) -> str:
        """Such as pixelation 16."""
        return f"pixelation {self.side}"

    @property
    def cell(self) -> int:
        """Its squares' side."""
        return self.side

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> Pixels:  # noqa: ARG002 - hides all alike
        """Return the pixelated image."""
        return _in_squares(_square_means(pixels, self.side), self.side)


class PrivatePixelation(_Obscuring):
    """Pixelation with differential privacy (Liyue Fan, Image Pixelization with Differential Privacy, DBSec 2018).

    Laplace noise of scale 255 * neighbours / (side**2 * epsilon) is added to every square's mean, and the sum rounded
    and clipped to a byte.

    The guarantee: whatever is computed from one colour plane of the result is at most e**epsilon times as likely for
    one image as for any other that differs from it in at most `neighbours` pixels of that plane; over all three
    planes, e**(3 * epsilon). It covers an object of more than that many pixels only as far as `neighbours` is raised to
    it, and it holds for those who do not know the seed.

    It is of one release of an image: epsilons of releases with fresh noise add up. So noise is drawn by seed and a
    hash of the image: every epoch and every rerun shows the one release, and nobody can average over several.
    """

    method: Literal["private-pixelation"] = "private-pixelation"
    side: Annotated[int, Field(ge=2, le=256, description="of a square, in pixels")]
    epsilon: Annotated[float, Field(gt=0, description="of one colour plane of one image")]
    neighbours: Annotated[int, Field(gt=0, description="pixels that are protected together")] = NEIGHBOURS
    seed: Annotated[int, Field(ge=0, lt=1 << 64, description="of the noise; whoever knows it can take noise away")] = 0

    @property
    def name(self) -> str:
        """Such as private-pixelation-16-epsilon-1; what is not the default follows."""
        others = "".join(
            f"-{field}-{value}"
            for field, value in (("neighbours", self.neighbours), ("seed", self.seed))
            if value != type(self).model_fields[field].default
        )
        return f"private-pixelation-{self.side}-epsilon-{self.epsilon:g}{others}"

    @property
    def title(self) -> str:
        """Such as private pixelation 16, epsilon 1; the seed is no part of it."""
        others = "" if self.neighbours == NEIGHBOURS else f", {self.neighbours} neighbours"
        return f"private pixelation {self.side}, epsilon {self.epsilon:g}{others}"

    @property
    def cell(self) -> int:
        """Its squares' side."""
        return self.side

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> Pixels:  # noqa: ARG002 - hides all alike
        """Return the pixelated image with its noise."""
        means = _square_means(pixels, self.side)
        scale = 255 * self.neighbours / (self.side**2 * self.epsilon)
        # Planes first, as noise was always drawn.
        drawn = chance_of(pixels, self.seed).laplace(0, scale, (3, *means.shape[:2])).transpose(1, 2, 0)
        return _in_squares(means + drawn, self.side)


class Blur(_Obscuring):
    """A Gaussian blur, as Pillow approximates it by three box blurs.

    (Getreuer, A Survey of Gaussian Convolution Algorithms, IPOL 2013.)
    """

    method: Literal["blur"] = "blur"
    sigma: Annotated[float, Field(gt=0, le=256, description="of the Gaussian, in pixels")]

    @property
    def name(self) -> str:
        """Such as blur-8."""
        return f"blur-{self.sigma:g}"

    @property
    def title(self) -> str:
        """Such as blur, sigma 8."""
        return f"blur, sigma {self.sigma:g}"

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> Pixels:  # noqa: ARG002 - hides all alike
        """Return the blurred image."""
        return np.array(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(self.sigma)))


class Blackout(_Obscuring):
    """Every labelled box is painted black: what detect-and-remove tools do at best, since here no object is missed.

    Each pixel that a box touches is painted; an image without boxes is left as it is.
    """

    method: Literal["blackout"] = "blackout"

    @property
    def name(self) -> str:
        """Always blackout."""
        return "blackout"

    @property
    def title(self) -> str:
        """Always blackout of labelled objects."""
        return "blackout of labelled objects"

    def __call__(self, pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
        """Return the painted image."""
        painted = pixels.copy()
        for box in boxes:
            painted[_inside(box, pixels.shape[0], pixels.shape[1])] = 0
        return painted


Obscuring: TypeAlias = Annotated[
    Pixelation | PrivatePixelation | Blur | Blackout,
    Field(discriminator="method"),
]
"""Any of them; as JSON they are told apart by `method`."""


def whole_squares(pixels: Pixels, side: int) -> tuple[int, int]:
    """Rows and columns of squares that uint8[..., H, W, 3] is cut into; OptionError if they do not fill it."""
    height, width = pixels.shape[-3:-1]
    if side <= 0 or height % side or width % side:
        raise OptionError(
            f"frames of {width}x{height} pixels cannot be cut into squares of {side}; "
            f"crop or scale them to multiples of {side}, or choose a side that divides both"
        )
    return height // side, width // side


def chance_of(pixels: Pixels, seed: int) -> np.random.Generator:
    """A generator that depends on the seed and, through a cryptographic hash alone, on the image."""
    digest = hashlib.blake2b(np.ascontiguousarray(pixels).tobytes(), key=seed.to_bytes(16, "big", signed=True))
    return np.random.default_rng(int.from_bytes(digest.digest()[:32], "big"))


def to_bytes(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Round and clip to uint8."""
    rounded: npt.NDArray[np.uint8] = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded


def _square_means(pixels: Pixels, side: int) -> npt.NDArray[np.float64]:
    """Mean colour of every square, float64[H/side, W/side, 3]."""
    rows, columns = whole_squares(pixels, side)
    means: npt.NDArray[np.float64] = pixels.reshape(rows, side, columns, side, 3).mean(axis=(1, 3))
    return means


def _in_squares(colours: npt.NDArray[np.float64], side: int) -> Pixels:
    return to_bytes(colours).repeat(side, axis=0).repeat(side, axis=1)


def _inside(box: Box, height: int, width: int) -> tuple[slice, slice]:
    """Pixels that a box touches."""
    top, bottom = (box.y - box.h / 2) * height, (box.y + box.h / 2) * height
    left, right = (box.x - box.w / 2) * width, (box.x + box.w / 2) * width
    # Boxes are normalised in floats: a thousandth of a pixel is no pixel.
    down = slice(max(0, int(np.floor(top + 1e-3))), max(0, int(np.ceil(bottom - 1e-3))))
    return down, slice(max(0, int(np.floor(left + 1e-3))), max(0, int(np.ceil(right - 1e-3))))
