"""Noise of differential privacy: discrete Gaussians, drawn exactly in whole numbers from the system's randomness.

The algorithm is that of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020, for many
values at a time. No floating-point number is in it, so no rounding of one gives a value away.
"""

import os

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

Wholes = npt.NDArray[np.int64]
"""Signed whole numbers, int64[N]."""
MOST_DEVIATION = 1 << 30
_PIECE = 1 << 17
_BITS = 63


class NoiseSource:
    """Chance: the stream of ChaCha20 under 32 bytes of the operating system, drawn anew for each source."""

    def __init__(self) -> None:
        self._stream = Cipher(ChaCha20(os.urandom(32), bytes(16)), None).encryptor()

    def below(self, limit: int, count: int) -> Wholes:
        """Return whole numbers that are equally likely, int64[count].

        Args:
            limit: they are from 0 to less than this, which is 1 to 2**62.
            count: how many.
        """
        cut = (1 << _BITS) // limit * limit
        drawn = self._words(count)
        while (over := np.flatnonzero(drawn >= cut)).size:
            drawn[over] = self._words(over.size)
        return np.remainder(drawn, limit)

    def gaussian(self, deviation: int, count: int) -> Wholes:
        """Return discrete Gaussian noise around 0, int64[count].

        Args:
            deviation: parameter of the distribution, 1 to 2**30; its standard deviation, but for the smallest ones.
            count: how many values.
        """
        assert 1 <= deviation <= MOST_DEVIATION  # noqa: S101 - by the ring
        parts, missing = [np.empty(0, dtype=np.int64)], count
        while missing > 0:
            values = self._laplace(deviation, min(2 * missing + 64, _PIECE))
            kept = values[self._accepted(np.abs(np.abs(values) - deviation), deviation)][:missing]
            parts.append(kept)
            missing -= len(kept)
        return np.concatenate(parts)

    def _words(self, count: int) -> Wholes:
        stream = self._stream.update(bytes(8 * count))
        return (np.frombuffer(stream, dtype="<u8") >> np.uint64(64 - _BITS)).astype(np.int64)

    def _accepted(self, gaps: Wholes, deviation: int) -> npt.NDArray[np.bool_]:
        """Say yes with chance exp(-gap² / 2 deviation²), for each gap from the mode of what it was drawn from."""
        whole, rest = np.divmod(gaps, deviation)
        yes = self._often(whole * whole, np.ones_like(gaps), 2)
        yes &= self._often(whole, rest, deviation)
        return yes & self._decays(rest * rest, 2 * deviation * deviation)

    def _often(self, times: Wholes, tops: Wholes, bottom: int) -> npt.NDArray[np.bool_]:
        """Say yes with chance exp(-top / bottom) to the power of some times."""
        yes, done = np.ones(len(times), dtype=np.bool_), 0
        while (waiting := np.flatnonzero(yes & (times > done))).size:
            yes[waiting] = self._decays(tops[waiting], bottom)
            done += 1
        return yes

    def _decays(self, tops: Wholes, bottom: int) -> npt.NDArray[np.bool_]:
        """Say yes with chance exp(-top / bottom), for each top from 0 to bottom."""
        yes, waiting, turn = np.zeros(len(tops), dtype=np.bool_), np.arange(len(tops)), 1
        while waiting.size:
            goes_on = self.below(bottom, waiting.size) < tops[waiting]
            if turn > 1:
                goes_on &= self.below(turn, waiting.size) == 0
            yes[waiting[~goes_on]] = turn % 2 == 1
            waiting, turn = waiting[goes_on], turn + 1
        return yes

    def _laplace(self, scale: int, count: int) -> Wholes:
        """Return discrete Laplace noise of a scale, of at most so many values."""
        rest = self.below(scale, count)
        rest = rest[self._decays(rest, scale)]
        whole, waiting = np.zeros_like(rest), np.arange(len(rest))
        while waiting.size:
            waiting = waiting[self._decays(np.ones_like(waiting), 1)]
            whole[waiting] += 1
        values, is_negative = rest + scale * whole, self.below(2, len(rest)) == 1
        kept = ~(is_negative & (values == 0))
        signed: Wholes = np.where(is_negative, -values, values)[kept]
        return signed
