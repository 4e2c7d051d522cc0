"""From known pairs: a linear decoder from the codes of 3x3 cells to the pixels of the middle one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.cells import (
    MOST_ONE_HOT,
    Floats,
    Places,
    count_cells,
    grid,
    images,
    neighbourhoods,
    one_hot,
    patches,
)
from raypp.audit.attacks.reconstruct.pairs import FromPairs
from raypp.audit.core.model import AttackTarget, Case, Codes, Frames, Images

Doubles: TypeAlias = npt.NDArray[np.float64]

_PENALTIES = (3.0, 30.0, 300.0)
_AT_ONCE = 8192
"""Cells that are features in floats at one time."""


@dataclass(frozen=True)
class Ridge(FromPairs):
    """Ridge regression from `pairs` known images: raw and one-hot features, the best on held-out known cells.

    Attributes:
        cells: of all cells of the known images, how many are drawn to learn from, at most.
    """

    cells: int = 40_000
    method: ClassVar[str] = "ridge"

    def reconstruct(self, case: Case) -> Frames:
        """Fit on known pairs, decode the victims."""
        best = fit_decoder(case.target, self.known(case), self.cells, case.seed)
        return best.decode(case.target.encode(case.victims), case.victims.frames.shape)


@dataclass(frozen=True)
class _Sample:
    """Features and pixels of known images, made of cells when they are asked for: all at once would take gigabytes.

    Attributes:
        codes: uint8[N, h, w, C].
        known: the same images, plain.
    """

    codes: Codes
    known: Images
    patch: int
    levels: int
    named: bool

    def parts(self, places: Places) -> Iterator[tuple[Floats, Floats]]:
        """Yield features float32[M, F] and pixels float32[M, p*p*3] of some cells, some at a time."""
        for part in _parts(places):
            features = _features(neighbourhoods(self.codes, part), self.levels, named=self.named)
            yield features, patches(self.known.frames, self.patch, part)


@dataclass(frozen=True)
class RidgeDecoder:
    """A linear map from the codes of 3x3 cells to the pixels of the middle one.

    Attributes:
        named: whether it reads values as names, one feature for each.
        levels: of values.
        patch: pixels across a cell.
        weights: float32[F, p*p*3].
        mean, target: of features and of pixels, which are taken away and added.
        error: squared, over cells that were held out.
    """

    named: bool
    levels: int
    patch: int
    weights: Floats
    mean: Floats
    target: Floats
    error: float

    def decode(self, codes_NChw: Codes, shape: tuple[int, ...]) -> Frames:
        """Decode codes to images of a shape (N, H, W, 3)."""
        codes = grid(codes_NChw)
        decoded = [
            (_features(neighbourhoods(codes, part), self.levels, named=self.named) - self.mean) @ self.weights
            + self.target
            for part in _parts(np.arange(count_cells(codes)))
        ]
        return images(np.concatenate(decoded), shape, self.patch)


def fit_decoder(target: AttackTarget, known: Images, cells: int, seed: int) -> RidgeDecoder:
    """Fit a decoder to known images and their codes; of raw and one-hot features, the better on held-out cells.

    Args:
        target: encodes them.
        known: the images.
        cells: drawn of all cells of them, at most.
        seed: chooses cells.
    """
    codes = grid(target.encode(known))
    drawn = np.random.default_rng(seed).permutation(count_cells(codes))[:cells]
    kinds = (False, True) if 9 * target.channels * target.levels <= MOST_ONE_HOT else (False,)
    fitted = [_fit(_Sample(codes, known, target.patch, target.levels, named), drawn) for named in kinds]
    return min(fitted, key=lambda decoder: decoder.error)


def _parts(places: Places) -> list[Places]:
    return np.array_split(places, max(1, -(-len(places) // _AT_ONCE)))


def _features(codes_MC: Codes, levels: int, *, named: bool) -> Floats:
    return one_hot(codes_MC, levels) if named else codes_MC.astype(np.float32)


def _fit(sample: _Sample, drawn: Places) -> RidgeDecoder:
    """Fit on four fifths of the cells drawn; the penalty is the best of few on the fifth that is held out."""
    held, used = np.split(drawn, [len(drawn) // 5])
    sums = _summed((x.sum(axis=0), y.sum(axis=0)) for x, y in sample.parts(used))
    mean, target = ((total / len(used)).astype(np.float32) for total in sums)
    centred = ((x - mean, y - target) for x, y in sample.parts(used))
    gram, cross = _summed((x.T @ x, x.T @ y) for x, y in centred)
    scale = 1.0 if sample.named else max(float(np.trace(gram)) / len(gram) / len(used), 1e-6)
    tried = [
        np.linalg.solve(gram + penalty * scale * np.eye(len(gram)), cross).astype(np.float32) for penalty in _PENALTIES
    ]
    missed = np.zeros(len(tried))
    for x, y in sample.parts(held):
        missed += [float(np.square((x - mean) @ weights + target - y).sum()) for weights in tried]
    best = int(missed.argmin())
    return RidgeDecoder(sample.named, sample.levels, sample.patch, tried[best], mean, target, float(missed[best]))


def _summed(parts: Iterator[tuple[Floats, Floats]]) -> tuple[Doubles, Doubles]:
    """Sum of the first ones and of the second ones, over all parts."""
    first, second = (part.astype(np.float64) for part in next(parts))
    for addend, other in parts:
        first += addend
        second += other
    return first, second
