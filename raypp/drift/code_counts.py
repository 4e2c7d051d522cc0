"""Counting veiled frames: which values a camera's codes take, by place in the frame and by channel."""

import numpy as np
import numpy.typing as npt

from raypp.drift.profile import Profile, Subject, shares

CODES = "codes"
MOST_ROWS, MOST_COLUMNS = 24, 40
"""Places at most, down and across: a larger grid's neighbouring cells share one. What stays is told by each place."""
BLOCK_ROWS, BLOCK_COLUMNS = 6, 8
"""Blocks of places at most, down and across: a change that is seen is seen in one."""


class CodeCounter:
    """Counts the codes of one subject in one period.

    Args:
        subject: whose.
        period: which.
        bits: per code value, of the veil's spec.
    """

    def __init__(self, subject: Subject, period: str, bits: int) -> None:
        self._subject, self._period, self._levels = subject, period, 1 << bits
        self._frames = 0
        self._first: npt.NDArray[np.int64] | None = None
        self._counts = np.zeros(0, np.int32)

    def add(self, codes_CRW: npt.NDArray[np.uint8]) -> None:
        """Count a frame.

        Args:
            codes_CRW: uint8[C, rows, columns], its code values; of one shape for all frames of a subject.
        """
        channels, rows, columns = codes_CRW.shape
        if self._first is None:
            down, across = place_grid(rows, columns)
            place = _pooled(rows, down)[:, None] * across + _pooled(columns, across)[None]
            self._first = (place[None] * channels + np.arange(channels)[:, None, None]) * self._levels
            self._counts = np.zeros(down * across * channels * self._levels, np.int32)
        bins = (self._first + codes_CRW).reshape(-1)
        self._counts += np.bincount(bins, minlength=len(self._counts)).astype(np.int32)
        self._frames += 1

    def profile(self, channels: int) -> Profile:
        """Return what was counted: the table `codes`, float32[places, C, levels].

        Args:
            channels: of the veil's spec.
        """
        counts = self._counts.reshape(-1, channels, self._levels)
        counted = {CODES: int(self._counts.sum(dtype=np.int64))}
        return Profile(self._subject, self._period, self._frames, {CODES: shares(counts)}, counted)


def place_grid(rows: int, columns: int) -> tuple[int, int]:
    """Return how many places a grid of cells has, down and across."""
    return min(rows, MOST_ROWS), min(columns, MOST_COLUMNS)


def block_means(values: npt.NDArray[np.floating], grid: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the mean of each block over its places.

    Args:
        values: float[places], of each place, row by row.
        grid: places, down and across.

    Returns:
        float64[blocks], row by row; see `block_grid`.
    """
    down, across = block_grid(grid)
    block = (_pooled(grid[0], down)[:, None] * across + _pooled(grid[1], across)[None]).reshape(-1)
    return np.asarray(np.bincount(block, values) / np.bincount(block))


def block_grid(grid: tuple[int, int]) -> tuple[int, int]:
    """Return how many blocks a grid of places has, down and across."""
    return min(grid[0], BLOCK_ROWS), min(grid[1], BLOCK_COLUMNS)


def _pooled(cells: int, places: int) -> npt.NDArray[np.int64]:
    return np.asarray(np.arange(cells) * places // cells)
