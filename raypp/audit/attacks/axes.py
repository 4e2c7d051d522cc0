"""Codes along axes that do not depend on the key: their components, turned to agree with those of a reference."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.cells import evenly_chosen, one_hot
from raypp.audit.core.model import Codes, Features

Doubles: TypeAlias = npt.NDArray[np.float64]

_MOST_ONE_HOT = 1024
_STEPS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))
"""Neighbours whose covariances are looked at, as cells down and right."""
_TURNS = 60
_LEADING = 12
"""Axes whose third moments tell light from dark."""
_FLAT = 1e-9


@dataclass(frozen=True)
class Axes:
    """Whitened principal components of the cells of some codes.

    Values are taken one-hot where they are few: then another order of channels, or other names of values, change
    nothing. Nor does an orthogonal mix of amounts. What a key does change are the signs of components, and how those of
    like variance are turned; `turned_to` undoes that.

    Attributes:
        mean: float64[D], of a cell's values.
        matrix: float64[D, K], from values less their mean to components of variance 1.
        moments: float64[K, K] each, covariances of cells with neighbours.
        third: float64[L, L], third moments of the leading components.
        levels: values that a code can take.
    """

    mean: Doubles
    matrix: Doubles
    moments: tuple[Doubles, ...]
    third: Doubles
    levels: int

    @classmethod
    def of(cls, codes: Codes, levels: int, count: int) -> "Axes":
        """Find at most `count` axes of codes, uint8[N, C, G, G']."""
        looked_at = evenly_chosen(codes)
        width = _values(looked_at[0], levels).shape[-1]
        total, gram, cells = np.zeros(width), np.zeros((width, width)), 0
        for code_CGG in looked_at:
            flat = _values(code_CGG, levels).reshape(-1, width)
            total, gram, cells = total + flat.sum(axis=0), gram + flat.T @ flat, cells + len(flat)
        mean = total / cells
        variances, vectors = np.linalg.eigh(gram / cells - np.outer(mean, mean))
        strongest = slice(None, -1 - min(count, width), -1)
        matrix = vectors[:, strongest] / np.sqrt(np.maximum(variances[strongest], _FLAT))
        bare = cls(mean, matrix, (), np.zeros(0), levels)
        return bare.measured_on(looked_at)

    def components(self, codes: Codes) -> Features:
        """Return the components of codes, float32[N, K, G, G']."""
        components = [
            ((_values(code_CGG, self.levels) - self.mean) @ self.matrix).transpose(2, 0, 1) for code_CGG in codes
        ]
        return np.stack(components).astype(np.float32)

    def turned_to(self, reference: "Axes", codes: Codes) -> "Axes":
        """Turn components until neighbours' covariances, and third moments, are most like the reference's.

        Signs are set one by one, the strongest component first; then all are turned together, a Procrustes problem in
        each step (Schoenemann 1966); last, all change sign if their third moments say so.

        Args:
            reference: axes to agree with.
            codes: what these axes are of.
        """
        turn = np.diag(_signs(self.moments, reference.moments))
        for _ in range(_TURNS):
            pairs = zip(self.moments, reference.moments, strict=True)
            pull = sum((own @ turn @ wanted.T + own.T @ turn @ wanted for own, wanted in pairs), turn)
            left, _, right = np.linalg.svd(pull)
            turn = left @ right
        turned = replace(self, matrix=self.matrix @ turn)
        turned = turned.measured_on(codes)
        if float((turned.third * reference.third).sum()) >= 0:
            return turned
        return replace(turned, matrix=-turned.matrix, third=-turned.third)

    def measured_on(self, codes: Codes) -> "Axes":
        """Return the same axes with the moments of codes."""
        last = self.components(evenly_chosen(codes)).transpose(0, 2, 3, 1).astype(np.float64)
        moments = tuple(_covariance(last, *step) for step in _STEPS)
        return replace(self, moments=moments, third=_third(last))


def _values(codes_CGG: Codes, levels: int) -> Doubles:
    """Return the values that axes are of, float64[G, G', D]: one-hot values where they are few, else amounts."""
    last = codes_CGG.transpose(1, 2, 0)
    if last.shape[-1] * levels > _MOST_ONE_HOT:
        return last.astype(np.float64)
    values: Doubles = one_hot(last.reshape(-1, last.shape[-1]), levels).astype(np.float64)
    return values.reshape(*last.shape[:2], -1)


def _signs(own: tuple[Doubles, ...], wanted: tuple[Doubles, ...]) -> Doubles:
    """Sign of each component, given those before it."""
    signs = np.ones(len(own[0]))
    for place in range(1, len(signs)):
        agreement = sum(
            float(signs[:place] @ (turned[place, :place] * other[place, :place]))
            + float(signs[:place] @ (turned[:place, place] * other[:place, place]))
            for turned, other in zip(own, wanted, strict=True)
        )
        signs[place] = -1.0 if agreement < 0 else 1.0
    return signs


def _covariance(components: Doubles, down: int, right: int) -> Doubles:
    """Covariance of cells with those so many cells down and right, float64[K, K]."""
    rows, columns, count = components.shape[1:]
    if rows <= down or columns <= right:
        return np.zeros((count, count))
    here = components[:, : rows - down, : columns - right].reshape(-1, count)
    covariance: Doubles = here.T @ components[:, down:, right:].reshape(-1, count) / len(here)
    return covariance


def _third(components: Doubles) -> Doubles:
    """Third moments E[a b**2] of the leading components, bounded so that no single one decides."""
    leading = min(_LEADING, components.shape[-1])
    bounded = np.tanh(components[..., :leading].reshape(-1, leading))
    third: Doubles = bounded.T @ np.square(bounded) / len(bounded)
    return third
