"""Bounds without any attack: where codes move, and how much no linear decoder exceeds."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raypp.audit.attacks.cells import MOST_ONE_HOT, count_cells, grid, neighbourhoods, one_hot, patches
from raypp.audit.core.model import Frames, WhiteBox
from raypp.audit.footage.evidence import CAMERA, Evidence
from raypp.audit.metrics.scores import LUMA
from raypp.audit.targets.target import SITE, veil
from raypp.audit.targets.white_box import open_white_box
from raypp.audit.verdict.assumptions import (
    ALONG,
    BITS_PER_CELL,
    BITS_PER_PIXEL,
    BY_AROUND,
    BY_CELL,
    CELL_VALUES,
    DIRECTIONS,
    KB_PER_FRAME,
)
from raypp.errors import ModelError
from raypp.veil.veil import Veil

_IMAGES, _CELLS = 50, 20_000
"""Images of each kind and cells, at most."""
_SLOPES, _AT_A_TIME = 2048, 128
"""Pixels, in whole cells, whose slopes are averaged, and how many slopes are computed at a time."""
_NOTHING = 1e-4
_STILL = 1e-6

Matrix = npt.NDArray[np.float64]


def bounds_on(made_veil: Veil, evidence: Evidence, say: Callable[[str], object]) -> dict[str, float]:
    """Return figures of a veil and an audit's images, by name; shares are of the variance of luma inside cells.

    Args:
        made_veil: the audited veil.
        evidence: its images: of at most 50 of those known and 50 of those attacked, a random 20,000 cells.
        say: is told of figures that cannot be computed, and why.
    """
    seen, spec = veil(made_veil), made_veil.spec
    both = [
        images.take(range(0, len(images), -(-len(images) // _IMAGES))) for images in (evidence.known, evidence.victims)
    ]
    frames = np.concatenate([images.frames for images in both])
    codes_NhwC = grid(np.concatenate([seen.encode(images) for images in both]))
    chance, count = np.random.default_rng(0), count_cells(codes_NhwC)
    places = np.sort(chance.choice(count, min(_CELLS, count), replace=False))
    pixels = patches(frames, spec.patch, places).astype(np.float64)
    wanted = pixels @ detail_of(spec.patch).T
    bits = spec.channels * spec.bits
    figures = {
        BITS_PER_CELL: bits,
        BITS_PER_PIXEL: bits / spec.patch**2,
        KB_PER_FRAME: bits * count / len(frames) / 8000,
        CELL_VALUES: pixels.shape[1],
    }
    try:
        moving = directions(slopes(open_white_box(made_veil.stream(SITE, CAMERA)), frames, spec.patch, chance))
    except ModelError as error:
        say(f"directions in which codes move are not computed: {error}")
    else:
        figures |= {DIRECTIONS: moving.shape[1], ALONG: explained_share(pixels @ moving, wanted)}
    own, around = codes_NhwC.reshape(count, -1)[places], neighbourhoods(codes_NhwC, places)
    for name, values in ((BY_CELL, own), (BY_AROUND, around)):
        if values.shape[1] * spec.levels <= MOST_ONE_HOT:  # the last value follows from the others
            figures[name] = explained_share(one_hot(values, spec.levels - 1), wanted)
    return {name: float(value) for name, value in figures.items()}


def directions(slopes_SVD: Iterable[Matrix]) -> Matrix:
    """Return where in a cell's pixels codes move at all, orthonormal, float64[D, R].

    They span what is left of the average of J^T J once directions are taken away along which codes move less than a
    ten-thousandth of the most (Hwang, Li and Maeng, Spectrum-Aware Bounds, 2026).

    Args:
        slopes_SVD: of S cells, V values by the D pixels of a cell.
    """
    average = np.mean([slope_VD.T @ slope_VD for slope_VD in slopes_SVD], axis=0)
    strength, axes = np.linalg.eigh(average)
    return np.asarray(axes[:, strength > _NOTHING * max(strength[-1], _STILL)])


def slopes(white_box: WhiteBox, frames: Frames, patch: int, chance: np.random.Generator) -> Iterator[Matrix]:
    """Slopes of values, short of rounding, along the pixels of some cells: of the cell itself and those around it."""
    rows, columns = (side // patch for side in frames.shape[1:3])
    for _ in range(_SLOPES // patch**2):
        row, column = (int(chance.integers(side)) for side in (rows, columns))
        top, left = max(row - white_box.reach, 0), max(column - white_box.reach, 0)
        around = tuple(
            slice(patch * begin, patch * (place + white_box.reach + 1)) for begin, place in ((top, row), (left, column))
        )
        window = torch.from_numpy(frames[int(chance.integers(len(frames)))][around]).float()
        here = tuple(slice(patch * place, patch * (place + 1)) for place in (row - top, column - left))

        def values(cell: Tensor, window: Tensor = window, here: tuple[slice, ...] = here) -> Tensor:
            shown = window.clone()
            shown[here] = cell
            return white_box.values(shown.permute(2, 0, 1)[None])

        slope: Tensor = torch.func.jacrev(values, chunk_size=_AT_A_TIME)(window[here].clone())
        yield slope.reshape(-1, 3 * patch**2).numpy().astype(np.float64)


def explained_share(features_NF: npt.NDArray[np.floating], targets_NT: Matrix) -> float:
    """Share of the targets' variance that the best affine map of features explains, in closed form.

    Corrected for the number of features (Ezekiel, Methods of Correlation Analysis, 1930), and so below 0 at times.
    """
    count, inputs = features_NF.shape
    mean = features_NF.mean(axis=0, dtype=np.float64)
    spread = (features_NF.T @ features_NF).astype(np.float64) / count - np.outer(mean, mean)
    joint = features_NF.T @ (targets_NT - targets_NT.mean(axis=0)).astype(features_NF.dtype) / count
    spread += _STILL * max(float(np.trace(spread)) / max(inputs, 1), _STILL) * np.eye(inputs)
    explained = np.trace(joint.T @ np.linalg.solve(spread, joint))
    share = explained / max(targets_NT.var(axis=0).sum(), _STILL)
    return float(1 - (1 - share) * (count - 1) / max(count - inputs - 1, 1))


def detail_of(patch: int) -> Matrix:
    """Return the map from a cell's pixels to its luma, the mean taken away: float64[p*p, 3*p*p]."""
    luma = np.kron(np.eye(patch**2), np.array(LUMA)[None])
    return np.asarray(luma - luma.mean(axis=0))
