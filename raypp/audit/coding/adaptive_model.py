"""An adaptive model of codes: the bits that an ideal arithmetic coder takes for a frame."""

from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Codes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.float32]

_OWN = ((0, -1), (-1, 0), (-1, -1), (-1, 1), (0, -2), (-2, 0))
"""Places in the value's own channel, as rows and columns from it: all come before it, row by row."""
_EARLIER = ((0, 0), (0, -1), (-1, 0), (0, 1), (1, 0))
"""Places in channels before: those are known as a whole."""
_REACH, _NEAREST, _BANDS = 2, 8, 8
_RATE, _HALF, _OF_MEAN, _OF_SQUARE, _STILL = 0.03, 100, 0.9, 0.99, 1e-4
"""Of Adam: its rate, the steps after which that is halved, and shares that its means keep."""
_LEAST = 1e-6
"""Least probability of a value, before all are made to sum to one."""


class AdaptiveModel:
    """Probabilities of code values from values that were coded before, learnt as they are coded.

    Channel by channel, and row by row within one, each value's probabilities are a softmax over sums of weights, one
    for each neighbour's value (multinomial logistic regression: values are names, not amounts). Neighbours are six of
    the same channel, and five in each of the eight channels before. Weights change after each eighth of a channel, by
    a step of Adam (Kingma and Ba, 2015) down the code length. Nothing depends on what is still to come, so a decoder
    can follow.

    Args:
        channels: of a frame.
        levels: number of values that each code can take, at most 256.
    """

    def __init__(self, channels: int, levels: int) -> None:
        self._levels = levels
        self._regressions = [
            _Regression((levels + 1) * len(_places(channel)) + 1, levels) for channel in range(channels)
        ]

    def code(self, frame_Chw: Codes) -> float:
        """Return the bits of one more frame, uint8[C, h, w] of values below `levels`, and learn from it."""
        channels, parts = range(len(frame_Chw)), bands(frame_Chw.shape[1])
        return sum(self.learn(frame_Chw, channel, rows) for channel in channels for rows in parts)

    def probabilities(self, frame_Chw: Codes, channel: int, rows: slice) -> Floats:
        """Return what is expected of each value of some rows, float32[rows, w, levels], by those before it alone."""
        inputs = self._inputs(self._padded(frame_Chw), channel, rows)
        return self._regressions[channel].shares(inputs).reshape(-1, frame_Chw.shape[2], self._levels)

    def learn(self, frame_Chw: Codes, channel: int, rows: slice) -> float:
        """Return the bits of some rows, one of `bands`, and learn from them."""
        inputs, values = self._inputs(self._padded(frame_Chw), channel, rows), frame_Chw[channel, rows].reshape(-1)
        shares, each = self._regressions[channel].shares(inputs), np.arange(len(values))
        bits = -float(np.log2(shares[each, values], dtype=np.float64).sum())
        shares[each, values] -= 1
        slopes: Floats = (inputs.T @ shares) / np.float32(len(values))
        self._regressions[channel].learn(slopes)
        return bits

    def _padded(self, frame_Chw: Codes) -> npt.NDArray[np.uint16]:
        """The frame within a border of a value that no code has."""
        border = ((0, 0), (_REACH, _REACH), (_REACH, _REACH))
        return np.pad(frame_Chw.astype(np.uint16), border, constant_values=self._levels)

    def _inputs(self, padded: npt.NDArray[np.uint16], channel: int, rows: slice) -> Floats:
        """Neighbours' values, one-hot, and a one, float32[values, inputs]."""
        places, count = _places(channel), self._levels + 1
        width = padded.shape[2] - 2 * _REACH
        tops = [slice(rows.start + _REACH + down, rows.stop + _REACH + down) for _, down, _ in places]
        lefts = [slice(_REACH + right, _REACH + right + width) for _, _, right in places]
        neighbours = [
            padded[other, top, left].reshape(-1) for (other, _, _), top, left in zip(places, tops, lefts, strict=True)
        ]
        inputs = np.zeros((len(neighbours[0]), len(places) * count + 1), dtype=np.float32)
        np.put_along_axis(inputs, np.stack(neighbours, axis=1) + count * np.arange(len(places)), 1, axis=1)
        inputs[:, -1] = 1
        return inputs


class _Regression:
    """The weights of one channel."""

    def __init__(self, inputs: int, levels: int) -> None:
        self._weights, self._mean, self._square = (np.zeros((inputs, levels), dtype=np.float32) for _ in range(3))
        self._steps = 0

    def shares(self, inputs: Floats) -> Floats:
        sums = inputs @ self._weights
        sums -= sums.max(axis=1, keepdims=True)
        shares: Floats = np.exp(sums, out=sums)
        shares /= shares.sum(axis=1, keepdims=True)
        shares += np.float32(_LEAST)
        shares /= np.float32(1 + _LEAST * shares.shape[1])
        return shares

    def learn(self, slopes: Floats) -> None:
        self._steps += 1
        self._mean += (1 - _OF_MEAN) * (slopes - self._mean)
        self._square += (1 - _OF_SQUARE) * (slopes * slopes - self._square)
        mean, square = self._mean / (1 - _OF_MEAN**self._steps), self._square / (1 - _OF_SQUARE**self._steps)
        self._weights -= _RATE / (1 + self._steps / _HALF) * mean / (np.sqrt(square) + _STILL)


def bands(height: int) -> list[slice]:
    """Return the rows after each of which the weights change."""
    edges = [height * band // _BANDS for band in range(_BANDS + 1)]
    return [slice(top, bottom) for top, bottom in pairwise(edges) if bottom > top]


def _places(channel: int) -> list[tuple[int, int, int]]:
    """Channel, row and column of each neighbour of a channel's values; rows and columns from the value."""
    own = [(channel, *place) for place in _OWN]
    return own + [(other, *place) for other in range(max(0, channel - _NEAREST), channel) for place in _EARLIER]
