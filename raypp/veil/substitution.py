"""Keyed substitution of a learned veil: channels change places, and each channel's values change names.

It is one to one, so a detector's adapter, which reads values as names, loses nothing by it, and a detector of one key
reads nothing of another's codes. It hides nothing from who can learn names: from pairs, from a detector, or
from how often values occur together in a few dozen frames (`raypp.audit.attacks.reconstruct.names`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raypp.veil.key import Secret, VeilKey
from raypp.veil.keystream import KeyStream
from raypp.veil.spec import LearnedSpec


@dataclass(frozen=True, repr=False, eq=False)
class Substitution(Secret):
    """Names of one sub-key.

    Attributes:
        source: int64[C], the channel of the encoder that each channel of the code is.
        names: uint8[C, L], for each channel of the code the new name of each value.
    """

    source: npt.NDArray[np.int64]
    names: npt.NDArray[np.uint8]

    def apply(self, levels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Rename what the encoder gave, uint8[C, G, G']."""
        return np.take_along_axis(self.names, levels[self.source].reshape(len(self.source), -1), axis=1).reshape(
            levels.shape
        )


def every_substitution(spec: LearnedSpec, key: VeilKey) -> list[Substitution]:
    """Derive the substitutions of all sub-keys, from 0."""
    return [substitution(spec, key.weights_seed(spec, sub_key)) for sub_key in range(spec.sub_keys)]


def substitution(spec: LearnedSpec, weights_seed: bytes) -> Substitution:
    """Derive the substitution of a sub-key from its 32 secret bytes."""
    stream = KeyStream(weights_seed)
    source = stream.permutation(spec.channels)
    names = np.stack([stream.permutation(spec.levels) for _ in range(spec.channels)])
    return Substitution(source, names.astype(np.uint8))
