"""Masks that hide a site's vector, and vanish in the sum of all: one shared with each other site, and one's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from raypp.collective.ring import Words
from raypp.errors import CollectiveError
from raypp.veil.key import Secret

SEED_BYTES = 32
_NONCE = bytes(16)
"""A seed makes one mask, so its nonce need not change."""


@dataclass(frozen=True, repr=False, eq=False)
class MaskKey(Secret):
    """A private X25519 key of one attempt."""

    private: X25519PrivateKey

    @classmethod
    def draw(cls) -> Self:
        """Draw a new key from the operating system."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def of(cls, raw: bytes) -> Self:
        """Return the key of 32 raw bytes."""
        return cls(X25519PrivateKey.from_private_bytes(raw))

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    def raw(self) -> bytes:
        """Return the 32 raw bytes, to be split into shares."""
        return self.private.private_bytes_raw()

    def agreed(self, theirs: bytes, purpose: bytes) -> bytes:
        """Return 32 bytes that this key and another one agree on.

        Args:
            theirs: the other's raw public key.
            purpose: what they are for; the same on both sides.

        Raises:
            CollectiveError: if the public key is none.
        """
        try:
            shared = self.private.exchange(X25519PublicKey.from_public_bytes(theirs))
        except ValueError:
            raise CollectiveError("a public key of a round is none; start the round anew") from None
        return HKDF(SHA256(), SEED_BYTES, None, b"raypp collective v1\0" + purpose).derive(shared)


def mask(seed: bytes, size: int) -> Words:
    """Return the mask of a seed, uint32[size]: the stream of ChaCha20."""
    stream = Cipher(ChaCha20(seed, _NONCE), None).encryptor().update(bytes(4 * size))
    return np.frombuffer(stream, dtype="<u4")


def pair_masks(name: str, key: MaskKey, others: Mapping[str, bytes], attempt: bytes, size: int) -> Words:
    """Return the sum of the masks that a site shares with others, uint32[size].

    Args:
        name: the site's.
        key: its key.
        others: raw public keys of the others, by name.
        attempt: name of the attempt: its masks are of no other.
        size: values of a mask.
    """
    total = np.zeros(size, dtype=np.uint32)
    for other, public in others.items():
        first, second = sorted((name, other))
        seed = key.agreed(public, b"mask\0" + b"\0".join((attempt, first.encode(), second.encode())))
        if name == first:
            total += mask(seed, size)
        else:
            total -= mask(seed, size)
    return total


def hide(vector: Words, own_seed: bytes, pairs: Words) -> Words:
    """Return a vector under a site's own mask and those that it shares."""
    return vector + mask(own_seed, len(vector)) + pairs


def unmask(
    total: Words,
    own_seeds: Iterable[bytes],
    dropped: Mapping[str, MaskKey],
    summed: Mapping[str, bytes],
    attempt: bytes,
) -> Words:
    """Take all masks off a sum.

    Args:
        total: sum of the hidden vectors of some sites.
        own_seeds: of those sites.
        dropped: keys of sites that shared masks with them, and whose vectors are missing.
        summed: raw public keys of the sites in the sum, by name.
        attempt: name of the attempt.

    Returns:
        The sum of their vectors.
    """
    plain = total.copy()
    for seed in own_seeds:
        plain -= mask(seed, len(total))
    for name, key in dropped.items():
        plain += pair_masks(name, key, summed, attempt, len(total))
    return plain
