"""What is seen without any pair: the three-component view, and how much of luma and contrast it tells."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.audit import scores

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]


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


def contrast(frames: Frames, block: int) -> tuple[scores.Floats, scores.Floats]:
    """Mean and standard deviation of luma of every block, flat, in the order frame, row, column."""
    luma = scores.blocks(frames, block)
    return luma.mean(axis=(2, 3)).reshape(-1), luma.std(axis=(2, 3)).reshape(-1)


def explained(values: Floats, wanted: scores.Floats) -> float:
    """Multiple correlation of values[cells, k] with what is wanted: the best that k values at once can do."""
    design = np.column_stack([values, np.ones(len(values))])
    fitted = design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
    return float(np.corrcoef(fitted, wanted)[0, 1]) if fitted.std() > 1e-9 else 0.0
