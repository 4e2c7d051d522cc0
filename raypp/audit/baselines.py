"""What is attacked besides the veil: a weak one that must fall, noise that must not, and what others use instead."""

import hashlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from raypp.audit.model import Codes, Frames, Pictures, Veiling
from raypp.errors import OptionError
from raypp.media.dataset import Box
from raypp.veil.patch import to_patches

BYTE_LEVELS = 256
PICTURE_PATCH = 8
"""Side of the cells into which baselines that are pictures still are cut."""
NEIGHBOURS = 16
"""Pixels by which two pictures may differ and still be told apart no better than epsilon allows."""

_MIX_REACH = 256.0
"""Largest mixed value that is not clipped: four deviations of an ordinary picture, whatever the patch."""


def linear_mix(patch: int, seed: int) -> Veiling:
    """Mix whole patches by one random orthogonal matrix: the weak veil that a statistical attack must open.

    Codes are uint8[N, p*p*3, H/p, W/p]: the matrix, from the QR decomposition of a seeded normal one, times the
    patch less 128; -256..256 is spread over 8 bits. All cameras share the key. Such mixes are what is often put
    forward for training on hidden pictures (the random matrices of DisguisedNets, Chen et al.), and second-order
    statistics open them without any pair.
    """
    side = patch * patch * 3
    normal = np.random.default_rng(seed).normal(size=(side, side))
    orthogonal, upper = np.linalg.qr(normal)
    # QR alone leaves the signs to the library; with a positive diagonal the matrix is drawn evenly (Mezzadri 2007).
    matrix = (orthogonal * np.sign(np.diag(upper))).astype(np.float32)

    def encode(pictures: Pictures) -> Codes:
        codes = space_to_depth(pictures.frames, patch)
        for cell in codes:
            mixed = (cell.astype(np.float32) - 128).transpose(1, 2, 0) @ matrix.T
            cell[...] = _to_bytes(mixed * (128 / _MIX_REACH) + 128).transpose(2, 0, 1)
        return codes

    return Veiling(f"linear mix {patch}x{patch}", patch, side, BYTE_LEVELS, encode)


def noise(patch: int, channels: int, levels: int, seed: int) -> Veiling:
    """Codes that say nothing of their picture: an attack that finds anything in them deceives itself.

    Codes are uint8[N, channels, H/p, W/p], evenly drawn from 0..levels-1. What is drawn depends on the seed and,
    through a cryptographic hash alone, on the picture, so the same picture gives the same codes in any batch.
    """

    def encode(pictures: Pictures) -> Codes:
        rows, columns = _grid(pictures.frames, patch)
        shape = (channels, rows, columns)
        drawn = [_chance(frame, seed).integers(0, levels, shape, dtype=np.uint8) for frame in pictures.frames]
        return np.stack(drawn) if drawn else np.empty((0, *shape), dtype=np.uint8)

    return Veiling("noise", patch, channels, levels, encode)


def pixelation(side: int) -> Veiling:
    """Show the mean colour of every square: codes uint8[N, 3, H/side, W/side], 0..255.

    The commonest way to hide faces and plates; recognisers trained on it see through it (McPherson et al., Defeating
    Image Obfuscation with Deep Learning, 2016).
    """

    def encode(pictures: Pictures) -> Codes:
        return _to_bytes(_square_means(pictures.frames, side))

    return Veiling(f"pixelation {side}x{side}", side, 3, BYTE_LEVELS, encode)


def blur(sigma: float) -> Veiling:
    """Blur pictures: codes uint8[N, 192, H/8, W/8], 0..255, the 8x8 patches of the blurred picture.

    A Gaussian of `sigma` pixels, as Pillow approximates it by three box blurs (Getreuer, A Survey of Gaussian
    Convolution Algorithms, IPOL 2013).
    """

    def encode(pictures: Pictures) -> Codes:
        _grid(pictures.frames, PICTURE_PATCH)
        filtered = [np.asarray(Image.fromarray(one).filter(ImageFilter.GaussianBlur(sigma))) for one in pictures.frames]
        return space_to_depth(np.array(filtered).reshape(pictures.frames.shape), PICTURE_PATCH)

    return _picture(f"blur {sigma:g}", encode)


def blackout() -> Veiling:
    """Paint every labelled box black: codes uint8[N, 192, H/8, W/8], 0..255, the 8x8 patches of what is left.

    What detect-and-remove tools do at best, since here no object is missed; each pixel that a box touches is painted.
    A picture without boxes is left as it is.
    """

    def encode(pictures: Pictures) -> Codes:
        painted = pictures.frames.copy()
        for frame, boxes in zip(painted, pictures.boxes, strict=True):
            for _, box in boxes:
                frame[_inside(box, frame.shape[0], frame.shape[1])] = 0
        return space_to_depth(painted, PICTURE_PATCH)

    return _picture("blackout of boxes", encode)


def private_pixelation(side: int, epsilon: float, neighbours: int = NEIGHBOURS, seed: int = 0) -> Veiling:
    """Pixelation with differential privacy: codes uint8[N, 3, H/side, W/side], 0..255.

    Laplace noise of scale 255 * neighbours / (side**2 * epsilon) is added to every square's mean, and the sum rounded
    and clipped to a byte (Liyue Fan, Image Pixelization with Differential Privacy, DBSec 2018).

    The guarantee: whatever is computed from one colour plane of the codes is at most e**epsilon times as likely for one
    picture as for any other that differs from it in at most `neighbours` pixels of that plane; over all three planes,
    e**(3 * epsilon). It covers an object of more than that many pixels only as far as `neighbours` is raised to it, and
    it holds for those who do not know the seed. Noise is drawn by seed and a hash of the picture, so that nobody can
    average over repeated codes of one picture.

    Raises:
        OptionError: if epsilon or `neighbours` is not positive.
    """
    if epsilon <= 0 or neighbours <= 0:
        raise OptionError(
            f"private pixelation with epsilon {epsilon:g} and {neighbours} neighbours; give both above zero"
        )
    scale = 255 * neighbours / (side**2 * epsilon)

    def encode(pictures: Pictures) -> Codes:
        means = _square_means(pictures.frames, side)
        drawn = [_chance(frame, seed).laplace(0, scale, means.shape[1:]) for frame in pictures.frames]
        return _to_bytes(means + np.array(drawn).reshape(means.shape))

    return Veiling(f"private pixelation {side}x{side}, epsilon {epsilon:g}", side, 3, BYTE_LEVELS, encode)


def space_to_depth(frames: Frames, patch: int) -> Codes:
    """Cut pictures into patches, one a cell: uint8[N, H, W, 3] to uint8[N, p*p*3, H/p, W/p], rows first, RGB innermost.

    Raises:
        OptionError: if H or W is no multiple of the patch.
    """
    rows, columns = _grid(frames, patch)
    cells = np.empty((len(frames), patch * patch * 3, rows, columns), dtype=np.uint8)
    for frame, cell in zip(frames, cells, strict=True):
        cell[...] = to_patches(frame, patch).T.reshape(cell.shape)
    return cells


def _picture(name: str, encode: Callable[[Pictures], Codes]) -> Veiling:
    """A baseline whose codes are a picture, cut into patches."""
    return Veiling(name, PICTURE_PATCH, PICTURE_PATCH**2 * 3, BYTE_LEVELS, encode)


def _grid(frames: Frames, side: int) -> tuple[int, int]:
    height, width = frames.shape[1:3]
    if side <= 0 or height % side or width % side:
        raise OptionError(
            f"frames of {width}x{height} pixels cannot be cut into squares of {side}; "
            f"crop or scale them to multiples of {side}, or choose a side that divides both"
        )
    return height // side, width // side


def _square_means(frames: Frames, side: int) -> npt.NDArray[np.float64]:
    """Mean colour of every square, float64[N, 3, H/side, W/side]."""
    rows, columns = _grid(frames, side)
    cut = frames.reshape(len(frames), rows, side, columns, side, 3)
    means: npt.NDArray[np.float64] = cut.mean(axis=(2, 4)).transpose(0, 3, 1, 2)
    return means


def _inside(box: Box, height: int, width: int) -> tuple[slice, slice]:
    """Pixels that a box touches."""
    top, bottom = (box.y - box.h / 2) * height, (box.y + box.h / 2) * height
    left, right = (box.x - box.w / 2) * width, (box.x + box.w / 2) * width
    # Boxes are normalised in floats: a thousandth of a pixel is no pixel.
    down = slice(max(0, int(np.floor(top + 1e-3))), max(0, int(np.ceil(bottom - 1e-3))))
    return down, slice(max(0, int(np.floor(left + 1e-3))), max(0, int(np.ceil(right - 1e-3))))


def _chance(frame: Frames, seed: int) -> np.random.Generator:
    digest = hashlib.blake2b(np.ascontiguousarray(frame).tobytes(), key=seed.to_bytes(16, "big", signed=True))
    return np.random.default_rng(int.from_bytes(digest.digest()[:32], "big"))


def _to_bytes(values: npt.NDArray[np.floating]) -> Codes:
    rounded: Codes = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return rounded
