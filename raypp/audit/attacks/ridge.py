"""From known pairs: a linear decoder from the codes of 3x3 cells to the pixels of the middle one."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from raypp.audit.attacks.cells import neighbourhoods, patches, pictures
from raypp.audit.attacks.pairs import FromPairs
from raypp.audit.model import Case, Codes, Frames

Floats = npt.NDArray[np.float32]

_MOST_CELLS = 12_000
_PENALTIES = (3.0, 30.0, 300.0)
_MOST_ONE_HOT = 3000
"""Features of one 0/1 value for each value that a code can take; more are too many for a ridge."""


@dataclass(frozen=True)
class Ridge(FromPairs):
    """Ridge regression from `pairs` known pictures: raw and one-hot features, the best on held-out known cells."""

    method: ClassVar[str] = "ridge"

    def rebuild(self, case: Case) -> Frames:
        """Fit on known pairs, decode the victims."""
        known = self.known(case)
        veiling = case.veiling
        fitted = _fit_best(veiling.encode(known), known.frames, veiling.levels, veiling.patch, case.seed)
        return fitted.decode(veiling.encode(case.victims), case.victims.frames.shape)


@dataclass(frozen=True)
class _Decoder:
    one_hot: bool
    levels: int
    patch: int
    weights: Floats
    mean: Floats
    target: Floats
    error: float

    def decode(self, codes: Codes, shape: tuple[int, ...]) -> Frames:
        features = neighbourhoods(codes)
        chunks = [
            (_spread(part, self.levels, one_hot=self.one_hot) - self.mean) @ self.weights + self.target
            for part in np.array_split(features, max(1, len(features) // 4096))
        ]
        return pictures(np.concatenate(chunks), shape, self.patch)


def _spread(features: Codes, levels: int, *, one_hot: bool) -> Floats:
    if not one_hot:
        return features.astype(np.float32)
    out = np.zeros((len(features), features.shape[1] * levels), dtype=np.float32)
    places = features.astype(np.int64) + np.arange(features.shape[1]) * levels
    np.put_along_axis(out, places, 1.0, axis=1)
    return out


def _fit_best(codes: Codes, frames: Frames, levels: int, patch: int, seed: int) -> _Decoder:
    features, pixels = neighbourhoods(codes), patches(frames, patch)
    order = np.random.default_rng(seed).permutation(len(features))[:_MOST_CELLS]
    kinds = (False, True) if features.shape[1] * levels <= _MOST_ONE_HOT else (False,)
    fitted = [_fit(features[order], pixels[order], levels, patch, one_hot=one_hot) for one_hot in kinds]
    return min(fitted, key=lambda decoder: decoder.error)


def _fit(features: Codes, pixels: Floats, levels: int, patch: int, *, one_hot: bool) -> _Decoder:
    held = len(features) // 5
    x = _spread(features, levels, one_hot=one_hot)
    mean, target = x[held:].mean(axis=0), pixels[held:].mean(axis=0)
    x -= mean
    y = pixels - target
    gram, cross = x[held:].T @ x[held:], x[held:].T @ y[held:]
    scale = 1.0 if one_hot else max(float(np.trace(gram)) / len(gram) / (len(x) - held), 1e-6)
    tried: list[tuple[float, Floats]] = []
    for penalty in _PENALTIES:
        weights = np.linalg.solve(gram + penalty * scale * np.eye(len(gram), dtype=np.float32), cross)
        tried.append((float(np.square(x[:held] @ weights - y[:held]).mean()), weights.astype(np.float32)))
    error, best = min(tried, key=lambda one: one[0])
    return _Decoder(one_hot, levels, patch, best, mean, target, error)
