"""What an attacker computes: the three-component view without any pair, and a ridge decoder from known pictures."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.veil.patch import to_patches

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]

MOST_CELLS = 12_000
_PENALTIES = (3.0, 30.0, 300.0)
_ONE_HOT_BITS = 4  # one-hot features of more bits than that are too many for a ridge


@dataclass(frozen=True)
class Ridge:
    """A linear decoder from the codes of 3x3 cells to the pixels of the middle one."""

    one_hot: bool
    levels: int
    patch: int
    weights: Floats
    mean: Floats
    target: Floats
    error: float

    def decode(self, codes: Codes) -> Frames:
        """Rebuild pictures: uint8[N, C, h, w] to uint8[N, h*p, w*p, 3]."""
        count, _, rows, columns = codes.shape
        features = neighbourhoods(codes)
        chunks = [
            (spread(part, self.levels, one_hot=self.one_hot) - self.mean) @ self.weights + self.target
            for part in np.array_split(features, max(1, len(features) // 4096))
        ]
        blocks = np.concatenate(chunks).reshape(count, rows, columns, self.patch, self.patch, 3)
        pixels = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(count, rows * self.patch, columns * self.patch, 3)
        return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def neighbourhoods(codes: Codes) -> Codes:
    """Codes of 3x3 cells around every cell: uint8[N*h*w, 9*C]; the border repeats."""
    _, channels, rows, columns = codes.shape
    padded = np.pad(codes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    shifted = [padded[:, :, r : r + rows, c : c + columns] for r in range(3) for c in range(3)]
    return np.stack(shifted, axis=1).transpose(0, 3, 4, 1, 2).reshape(-1, 9 * channels)


def spread(features: Codes, levels: int, *, one_hot: bool) -> Floats:
    """Features of a ridge: raw values, or one 0/1 feature for every value that a code can take."""
    if not one_hot:
        return features.astype(np.float32)
    out = np.zeros((len(features), features.shape[1] * levels), dtype=np.float32)
    places = features.astype(np.int64) + np.arange(features.shape[1]) * levels
    np.put_along_axis(out, places, 1.0, axis=1)
    return out


def fit(codes: Codes, frames: Frames, bits: int, patch: int) -> Ridge:
    """Fit a decoder to known pairs: raw and one-hot features and three penalties, the best on held-out known cells."""
    features = neighbourhoods(codes)
    pixels = np.concatenate([to_patches(frame, patch) for frame in frames])
    order = np.random.default_rng(0).permutation(len(features))[:MOST_CELLS]
    held = len(order) // 5
    fitted = [
        _fit(features[order], pixels[order], held, 1 << bits, patch, one_hot=one_hot)
        for one_hot in ((False, True) if bits <= _ONE_HOT_BITS else (False,))
    ]
    return min(fitted, key=lambda ridge: ridge.error)


def _fit(features: Codes, pixels: Floats, held: int, levels: int, patch: int, *, one_hot: bool) -> Ridge:
    x = spread(features, levels, one_hot=one_hot)
    mean, target = x[held:].mean(axis=0), pixels[held:].mean(axis=0)
    x -= mean
    y = pixels - target
    gram, cross = x[held:].T @ x[held:], x[held:].T @ y[held:]
    scale = 1.0 if one_hot else float(np.trace(gram)) / len(gram) / (len(x) - held)
    best: tuple[float, Floats] | None = None
    for penalty in _PENALTIES:
        weights = np.linalg.solve(gram + penalty * scale * np.eye(len(gram), dtype=np.float32), cross)
        error = float(np.square(x[:held] @ weights - y[:held]).mean())
        if best is None or error < best[0]:
            best = (error, weights.astype(np.float32))
    assert best is not None
    return Ridge(one_hot, levels, patch, best[1], mean, target, best[0])


def components(codes: Codes) -> Floats:
    """Scores of the three largest principal components of the cells' codes: float32[N, h, w, 3]."""
    count, channels, rows, columns = codes.shape
    cells = codes.transpose(0, 2, 3, 1).reshape(-1, channels).astype(np.float32)
    cells -= cells.mean(axis=0)
    _, vectors = np.linalg.eigh(cells.T @ cells)
    return (cells @ vectors[:, :-4:-1]).reshape(count, rows, columns, -1)


def view(components_NHWC: Floats, patch: int) -> Frames:
    """The components as red, green and blue, enlarged to the pictures' size."""
    low, high = np.percentile(components_NHWC, (2, 98), axis=(0, 1, 2))
    scaled = np.clip((components_NHWC - low) / np.maximum(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
    size = (scaled.shape[2] * patch, scaled.shape[1] * patch)
    return np.stack([np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BICUBIC)) for one in scaled])
