"""Codes made visible: what somebody with nothing but the shards would look at first."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def component_view(codes: Sequence[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.uint8]]:
    """Show codes by their three strongest principal components as red, green and blue; of fewer, the last one again.

    This is the best view for an attacker without a key, known pairs or a trained model: the directions in which the
    codes of one stream vary most (Pearson 1901), each stretched from its 2nd to its 98th percentile.

    Args:
        codes: uint8[C, rows, columns] of frames of one sub-key.

    Returns:
        uint8[rows, columns, 3] for each frame.
    """
    channels = codes[0].shape[0]
    cells = np.concatenate([code.reshape(channels, -1) for code in codes], axis=1).astype(np.float64)
    mean = cells.mean(axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(np.atleast_2d(np.cov(cells)))
    strongest = vectors[:, [-1, -min(channels, 2), -min(channels, 3)]].T  # fewer channels: one shows again
    low, high = np.percentile(strongest @ (cells - mean), [2, 98], axis=1)
    views = []
    for code in codes:
        seen = strongest @ (code.reshape(channels, -1) - mean)
        scaled = (seen - low[:, None]) / np.maximum(high - low, 1e-9)[:, None]
        image = (np.clip(scaled, 0, 1) * 255).astype(np.uint8)
        views.append(np.ascontiguousarray(image.reshape(3, *code.shape[1:]).transpose(1, 2, 0)))
    return views
