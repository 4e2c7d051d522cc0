"""Uniform integers out of a secret seed, by a ChaCha20 stream; `raypp.veil.derivation` says why by no other."""

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms


class KeyStream:
    """Uniform integers from the ChaCha20 stream of a 32-byte seed, in a fixed order."""

    def __init__(self, seed: bytes) -> None:
        self._encryptor = Cipher(algorithms.ChaCha20(seed, bytes(16)), mode=None).encryptor()

    def __repr__(self) -> str:
        return "KeyStream(secret)"

    def integers(self, low: int, high: int, count: int) -> npt.NDArray[np.int64]:
        """Draw `count` integers uniform in [low, high], both ends included.

        Each takes 32 bits of the stream (little endian); draws from the last, incomplete run of the range are
        thrown away, so there is no bias. The span must be at most 2**32.
        """
        span = high - low + 1
        limit = (1 << 32) // span * span
        out = np.empty(0, dtype=np.int64)
        while out.size < count:
            raw = self._encryptor.update(bytes(4 * (count - out.size)))
            drawn = np.frombuffer(raw, dtype="<u4").astype(np.int64)
            out = np.concatenate([out, drawn[drawn < limit] % span + low])
        return out

    def permutation(self, count: int) -> npt.NDArray[np.int64]:
        """Draw a permutation of range(count) by Fisher and Yates' shuffle."""
        order = np.arange(count, dtype=np.int64)
        for last in range(count - 1, 0, -1):
            pick = int(self.integers(0, last, 1)[0])
            order[last], order[pick] = order[pick], order[last]
        return order
