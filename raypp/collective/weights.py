"""Shared weights as one vector."""

import hashlib

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]
"""Weights in the order of the layers, float32[P]."""


def vector_bytes(vector_P: Vector) -> bytes:
    """Return a vector's bytes, as on the wire and on disk: float32, little endian."""
    return vector_P.astype("<f4").tobytes()


def vector_digest(vector_P: Vector) -> str:
    """Return the SHA-256 of a vector's bytes, 64 hex digits."""
    return hashlib.sha256(vector_bytes(vector_P)).hexdigest()
