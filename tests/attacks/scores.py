"""How much of a picture a reconstruction holds: 0 is what a blind guess has, 1 is the picture itself."""

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

TEXTURED = 6.0  # standard deviation of luma from which a block counts as textured
COARSE = 16  # side of the blocks on which patches of every size are compared


def psnr(rebuilt: Frames, frames: Frames) -> float:
    """Peak signal-to-noise ratio in dB."""
    error = np.square(rebuilt.astype(np.float64) - frames).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def detail(rebuilt: Frames, frames: Frames, block: int) -> float:
    """Mean correlation of luma inside textured blocks, each block's mean taken away."""
    mine, true = blocks(rebuilt, block), blocks(frames, block)
    return _correlation(mine.reshape(len(mine), -1), true.reshape(len(true), -1), _textured(true))


def edges(rebuilt: Frames, frames: Frames, block: int) -> float:
    """Mean correlation of the gradient's magnitude inside textured blocks, from differences inside a block only."""
    mine, true = blocks(rebuilt, block), blocks(frames, block)
    return _correlation(_gradient(mine), _gradient(true), _textured(true))


def contrast(frames: Frames, block: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of luma of every block, flat, in the order frame, row, column."""
    luma = blocks(frames, block)
    return luma.mean(axis=(1, 2)), luma.std(axis=(1, 2))


def explained(values: npt.NDArray[np.float32], wanted: Floats) -> float:
    """Multiple correlation of values[cells, k] with what is wanted: the best that k values at once can do."""
    design = np.column_stack([values, np.ones(len(values))])
    fitted = design @ np.linalg.lstsq(design, wanted, rcond=None)[0]
    return float(np.corrcoef(fitted, wanted)[0, 1]) if fitted.std() > 1e-9 else 0.0


def blocks(frames: Frames, block: int) -> Floats:
    """Luma cut into blocks: float64[N*h*w, block, block]."""
    luma = frames.astype(np.float64) @ (0.299, 0.587, 0.114)
    count, height, width = luma.shape
    cut = luma.reshape(count, height // block, block, width // block, block)
    return cut.transpose(0, 1, 3, 2, 4).reshape(-1, block, block)


def _textured(true: Floats) -> npt.NDArray[np.bool_]:
    return true.std(axis=(1, 2)) > TEXTURED


def _gradient(luma: Floats) -> Floats:
    across = np.diff(luma, axis=2)[:, :-1]
    down = np.diff(luma, axis=1)[:, :, :-1]
    return np.hypot(across, down).reshape(len(luma), -1)


def _correlation(mine: Floats, true: Floats, chosen: npt.NDArray[np.bool_]) -> float:
    mine = mine[chosen] - mine[chosen].mean(axis=1, keepdims=True)
    true = true[chosen] - true[chosen].mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(mine).sum(axis=1) * np.square(true).sum(axis=1))
    return float(((mine * true).sum(axis=1) / np.maximum(norms, 1e-9)).mean())
