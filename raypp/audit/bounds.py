"""What follows without any attack: where codes move, and what no linear decoder exceeds."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from raypp.audit.assumptions import ALONG, BY_AROUND, BY_CELL, CELL_VALUES, DIRECTIONS
from raypp.audit.attacks.cells import cells, grid, neighbourhoods, patches
from raypp.audit.evidence import CAMERA, Evidence
from raypp.audit.held import held
from raypp.audit.model import Codes, Frames, Held
from raypp.audit.scores import LUMA
from raypp.audit.target import SITE, veil
from raypp.errors import ModelError
from raypp.veil.veil import Veil

_PICTURES, _CELLS, _CHUNK = 50, 20_000, 2000
"""Pictures of each kind, at most; cells that moments are of, and how many are unfolded at a time."""
_MOST_NAMES = 3000
_SLOPES, _AT_A_TIME = 2048, 128
"""Pixels, in whole cells, whose slopes are averaged, and how many slopes are computed at a time."""
_NOTHING = 1e-4
_STILL = 1e-6

Matrix = npt.NDArray[np.float64]


def bounds_on(made: Veil, evidence: Evidence, say: Callable[[str], object]) -> dict[str, float]:
    """Return figures of a veil on an audit's pictures, by name; shares are of the variance of luma inside cells.

    Args:
        made: the audited veil.
        evidence: its pictures: of at most 50 of those known and 50 of those attacked, a random 20,000 cells.
        say: is told of figures that cannot be computed, and why.
    """
    seen, patch, levels = veil(made), made.spec.patch, made.spec.levels
    both = [one.take(range(0, len(one), -(-len(one) // _PICTURES))) for one in (evidence.known, evidence.victims)]
    frames = np.concatenate([one.frames for one in both])
    codes_NhwC = grid(np.concatenate([seen.encode(one) for one in both]))
    chance, count = np.random.default_rng(0), cells(codes_NhwC)
    places = np.sort(chance.choice(count, min(_CELLS, count), replace=False))
    pixels, inside = patches(frames, patch, places).astype(np.float64), detail_of(patch)
    wanted = pixels @ inside.T
    found = {CELL_VALUES: float(pixels.shape[1])}
    try:
        moving = directions(slopes(held(made.stream(SITE, CAMERA)), frames, patch, chance))
    except ModelError as error:
        say(f"directions in which codes move are not computed: {error}")
    else:
        found |= {DIRECTIONS: float(moving.shape[1]), ALONG: along(moving, pixels, inside)}
    own = codes_NhwC.reshape(count, -1)[places]
    found[BY_CELL] = told((_named(own[part], levels), wanted[part]) for part in _parts(len(places)))
    if 9 * made.spec.channels * levels <= _MOST_NAMES:
        found[BY_AROUND] = told(
            (_named(neighbourhoods(codes_NhwC, places[part]), levels), wanted[part]) for part in _parts(len(places))
        )
    return found


def directions(slopes_SVD: Iterable[Matrix]) -> Matrix:
    """Return where in a cell's pixels codes move at all, orthonormal, float64[D, R].

    They span what is left of the average of J^T J once directions are taken away along which codes move less than a
    ten-thousandth of the most (Hwang, Li and Maeng, Spectrum-Aware Bounds, 2026).

    Args:
        slopes_SVD: of S cells, V values by the D pixels of a cell.
    """
    average = np.mean([one.T @ one for one in slopes_SVD], axis=0)
    strength, axes = np.linalg.eigh(average)
    return np.asarray(axes[:, strength > _NOTHING * max(strength[-1], _STILL)])


def slopes(holder: Held, frames: Frames, patch: int, chance: np.random.Generator) -> Iterator[Matrix]:
    """Slopes of values, short of rounding, along the pixels of some cells: of the cell itself and those around it."""
    rows, columns = (side // patch for side in frames.shape[1:3])
    for _ in range(_SLOPES // patch**2):
        row, column = (int(chance.integers(side)) for side in (rows, columns))
        top, left = max(row - holder.reach, 0), max(column - holder.reach, 0)
        around = tuple(
            slice(patch * begin, patch * (place + holder.reach + 1)) for begin, place in ((top, row), (left, column))
        )
        window = torch.from_numpy(frames[int(chance.integers(len(frames)))][around]).float()
        here = tuple(slice(patch * place, patch * (place + 1)) for place in (row - top, column - left))

        def values(cell: Tensor, window: Tensor = window, here: tuple[slice, ...] = here) -> Tensor:
            shown = window.clone()
            shown[here] = cell
            return holder.values(shown.permute(2, 0, 1)[None])

        made: Tensor = torch.func.jacrev(values, chunk_size=_AT_A_TIME)(window[here].clone())
        yield made.reshape(-1, 3 * patch**2).numpy().astype(np.float64)


def along(moving_DR: Matrix, pixels_ND: Matrix, wanted_TD: Matrix) -> float:
    """Share of what is wanted of pixels that the best linear decoder of their exact parts along directions explains.

    Args:
        moving_DR: the directions, orthonormal.
        pixels_ND: of cells.
        wanted_TD: what is wanted, as a matrix by which pixels are multiplied.
    """
    spread = np.cov(pixels_ND.T)
    known = moving_DR.T @ spread @ moving_DR
    cross = wanted_TD @ spread @ moving_DR
    return float(np.trace(cross @ _solved(known, cross.T)) / max(np.trace(wanted_TD @ spread @ wanted_TD.T), _STILL))


def told(batches: Iterable[tuple[Matrix, Matrix]]) -> float:
    """Share of the targets' variance that the best affine map of features explains, in closed form.

    Corrected for the number of features (Ezekiel, Methods of Correlation Analysis, 1930), and so below 0 at times.

    Args:
        batches: features float[M, F] and targets float64[M, T] of cells.
    """
    count, total, joint = 0, np.zeros(0), np.zeros((0, 0))
    for features, targets in batches:
        both = np.concatenate([features, targets], axis=1).astype(np.float32)
        inputs = features.shape[1]
        if not count:
            total, joint = np.zeros(both.shape[1]), np.zeros((both.shape[1], both.shape[1]))
        count += len(both)
        total += both.sum(axis=0, dtype=np.float64)
        joint += both.T @ both
    joint = joint / count - np.outer(total / count, total / count)
    cross = joint[:inputs, inputs:]
    explained = np.trace(cross.T @ _solved(joint[:inputs, :inputs], cross))
    share = explained / max(np.trace(joint[inputs:, inputs:]), _STILL)
    return float(1 - (1 - share) * (count - 1) / max(count - inputs - 1, 1))


def detail_of(patch: int) -> Matrix:
    """What takes luma inside a cell, its mean taken away, out of a cell's pixels: float64[p*p, 3*p*p]."""
    luma = np.kron(np.eye(patch**2), np.array(LUMA)[None])
    return np.asarray(luma - luma.mean(axis=0))


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, count, _CHUNK))


def _named(codes_MC: Codes, levels: int) -> Matrix:
    """Each value as a name: float[M, C * (L - 1)], the last being what none of the others is."""
    is_named = codes_MC[:, :, None] == np.arange(levels - 1)
    return np.asarray(is_named.reshape(len(codes_MC), -1), dtype=np.float64)


def _solved(matrix: Matrix, right: Matrix) -> Matrix:
    """Solve a system that may be singular."""
    small = _STILL * max(float(np.trace(matrix)) / max(len(matrix), 1), _STILL)
    return np.asarray(np.linalg.solve(matrix + small * np.eye(len(matrix)), right))
