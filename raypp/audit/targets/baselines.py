"""Targets besides the veil: a weak one that must be broken, noise that must not, and other ways to hide."""

from dataclasses import replace

import numpy as np

from raypp.audit.core.model import AttackTarget, Codes, Frames, Images
from raypp.media.obfuscation import (
    Obscuring,
    Pixelation,
    PrivatePixelation,
    chance_of,
    to_bytes,
    whole_squares,
)
from raypp.veil.patch import to_patches

BYTE_LEVELS = 256
IMAGE_PATCH = 8
"""Side of the cells into which baselines that are images still are cut."""

_MIX_REACH = 256.0
"""Largest mixed value that is not clipped: four deviations of an ordinary image, whatever the patch."""


def linear_mix(patch: int, seed: int) -> AttackTarget:
    """Mix whole patches by one random orthogonal matrix: the weak veil that a statistical attack must open.

    Codes are uint8[N, p*p*3, H/p, W/p]: the matrix, from the QR decomposition of a seeded normal one, times the
    patch less 128; -256..256 is spread over 8 bits. All cameras share the key. Such mixes are what is often put
    forward for training on hidden images (the random matrices of DisguisedNets, Chen et al.), and second-order
    statistics open them without any pair.
    """
    side = patch * patch * 3
    normal = np.random.default_rng(seed).normal(size=(side, side))
    orthogonal, upper = np.linalg.qr(normal)
    # QR alone leaves the signs to the library; with a positive diagonal the matrix is drawn evenly (Mezzadri 2007).
    matrix = (orthogonal * np.sign(np.diag(upper))).astype(np.float32)

    def encode(images: Images) -> Codes:
        codes = space_to_depth(images.frames, patch)
        for cell in codes:
            mixed = (cell.astype(np.float32) - 128).transpose(1, 2, 0) @ matrix.T
            cell[...] = to_bytes(mixed * (128 / _MIX_REACH) + 128).transpose(2, 0, 1)
        return codes

    return AttackTarget(f"linear mix {patch}x{patch}", patch, side, BYTE_LEVELS, encode)


def dithered(target: AttackTarget, bits: int, seed: int) -> AttackTarget:
    """Keep few bits of another target's codes, with dither of one step that is drawn anew for every frame.

    An even draw of one step's width is added before codes are cut (Roberts, Image coding using pseudo-random noise,
    1962), so that their mean over many frames is the code itself. As of `noise`, what is drawn depends on the seed and,
    through a hash, on the image.
    """
    step = target.levels >> bits

    def encode(images: Images) -> Codes:
        codes = target.encode(images)
        for frame, code in zip(images.frames, codes, strict=True):
            moved = code + chance_of(frame, seed).uniform(-step / 2, step / 2, code.shape)
            code[...] = np.clip(moved // step, 0, (1 << bits) - 1)
        return codes

    return replace(target, name=f"{target.name}, {bits} bits, dithered", levels=1 << bits, encode=encode)


def narrowed(target: AttackTarget, channels: int) -> AttackTarget:
    """Keep the first channels of another target's codes."""
    return replace(
        target,
        name=f"{target.name}, {channels} channels",
        channels=channels,
        encode=lambda images: np.ascontiguousarray(target.encode(images)[:, :channels]),
    )


def renamed(target: AttackTarget, seed: int) -> AttackTarget:
    """Change the order of another target's channels, and the names of each one's values: a substitution at random."""
    chance = np.random.default_rng(seed)
    order = chance.permutation(target.channels)
    names = np.stack([chance.permutation(target.levels) for _ in order]).astype(np.uint8)

    def encode(images: Images) -> Codes:
        codes = target.encode(images)[:, order]
        return np.stack([names[channel][codes[:, channel]] for channel in range(len(order))], axis=1)

    return replace(target, name=f"{target.name}, renamed", encode=encode)


def plain() -> AttackTarget:
    """Plain images, cut into patches of 8 pixels: nothing is hidden. For attacks that reconstruct nothing."""
    return AttackTarget(
        "plain images",
        IMAGE_PATCH,
        IMAGE_PATCH**2 * 3,
        BYTE_LEVELS,
        lambda images: space_to_depth(images.frames, IMAGE_PATCH),
    )


def noise(patch: int, channels: int, levels: int, seed: int) -> AttackTarget:
    """Codes that say nothing of their image: an attack that finds anything in them deceives itself.

    Codes are uint8[N, channels, H/p, W/p], evenly drawn from 0..levels-1. What is drawn depends on the seed and,
    through a cryptographic hash alone, on the image, so the same image gives the same codes in any batch.
    """

    def encode(images: Images) -> Codes:
        rows, columns = whole_squares(images.frames, patch)
        shape = (channels, rows, columns)
        drawn = [chance_of(frame, seed).integers(0, levels, shape, dtype=np.uint8) for frame in images.frames]
        return np.stack(drawn) if drawn else np.empty((0, *shape), dtype=np.uint8)

    return AttackTarget("noise", patch, channels, levels, encode)


def obscured(way: Obscuring) -> AttackTarget:
    """Return a way to hide that leaves an image: codes uint8[N, C, H/p, W/p], 0..255.

    Of squares, p is their side, and codes are their colours; of other images, p is 8, and codes are patches.
    """
    squares = isinstance(way, Pixelation | PrivatePixelation)

    def encode(images: Images) -> Codes:
        whole_squares(images.frames, patch)
        shown = np.empty_like(images.frames)
        for image, frame, boxes in zip(shown, images.frames, images.boxes, strict=True):
            image[...] = way(frame, [box for _, box in boxes])
        if squares:
            return np.ascontiguousarray(shown[:, ::patch, ::patch].transpose(0, 3, 1, 2))
        return space_to_depth(shown, patch)

    patch = way.cell if squares else IMAGE_PATCH
    return AttackTarget(way.title, patch, 3 if squares else patch**2 * 3, BYTE_LEVELS, encode)


def space_to_depth(frames: Frames, patch: int) -> Codes:
    """Cut images into patches, one a cell: uint8[N, H, W, 3] to uint8[N, p*p*3, H/p, W/p], rows first, RGB innermost.

    Raises:
        OptionError: if H or W is no multiple of the patch.
    """
    rows, columns = whole_squares(frames, patch)
    cells = np.empty((len(frames), patch * patch * 3, rows, columns), dtype=np.uint8)
    for frame, cell in zip(frames, cells, strict=True):
        cell[...] = to_patches(frame, patch).T.reshape(cell.shape)
    return cells
