"""What is seen without any pair: how much of luma and contrast three principal components tell."""

import numpy as np
import numpy.typing as npt

from raypp.audit.metrics import scores

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Frames = npt.NDArray[np.uint8]


def components(codes: Codes) -> Floats:
    """Scores of the three largest principal components of the cells' codes, unclipped: float32[cells, 3]."""
    cells = codes.transpose(0, 2, 3, 1).reshape(-1, codes.shape[1]).astype(np.float32)
    cells -= cells.mean(axis=0)
    _, vectors = np.linalg.eigh(cells.T @ cells)
    return np.asarray(cells @ vectors[:, :-4:-1])


def contrast(frames: Frames, block: int) -> tuple[scores.Floats, scores.Floats]:
    """Mean and standard deviation of luma of every block, flat, in the order frame, row, column."""
    luma = scores.blocks(frames, block)
    return luma.mean(axis=(2, 3)).reshape(-1), luma.std(axis=(2, 3)).reshape(-1)


def explained(values: Floats, wanted: scores.Floats) -> float:
    """Multiple correlation of values[cells, k] with what is wanted: the best that k values at once can do."""
    design = np.column_stack([values, np.ones(len(values))])
    fitted = design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
    return float(np.corrcoef(fitted, wanted)[0, 1]) if fitted.std() > 1e-9 else 0.0
