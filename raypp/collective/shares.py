"""Shares of a site's secrets for the case that it drops out: by SLIP-0039, each sealed for the site that holds it.

SLIP-0039 is what split keys use as well. Each share has a checksum, and the secret a digest, so that too few shares or
wrong ones are an error; plain Shamir sharing would give a wrong number.
"""

import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from raypp.collective.masks import SEED_BYTES, MaskKey
from raypp.dual_control.shamir import join_secret, split_secret
from raypp.errors import CollectiveError

MOST_SHARES = 16
"""SLIP-0039 has no more."""
_NONCE_BYTES = 12


def split_seed(seed: bytes, threshold: int, count: int) -> tuple[str, ...]:
    """Split 32 secret bytes into shares, of which a threshold of 2 or more opens them."""
    assert len(seed) == SEED_BYTES and 2 <= threshold <= count <= MOST_SHARES  # noqa: PT018, S101 - by the plan
    return split_secret(seed, threshold, count)


def join_seed(shares: Iterable[str], threshold: int, whose: str) -> bytes:
    """Return the 32 secret bytes of some shares.

    Args:
        shares: at least as many as the threshold; no more are looked at.
        threshold: how many open.
        whose: name of the site, for messages.

    Raises:
        CollectiveError: if there are too few, or they do not open.
    """
    some = list(dict.fromkeys(shares))[:threshold]
    seed = join_secret(some) if len(some) == threshold else None
    if seed is None or len(seed) != SEED_BYTES:
        raise CollectiveError(f"the shares of {whose} do not open: a site sent others than it was given")
    return seed


def seal_shares(lines: tuple[str, str], key: MaskKey, theirs: bytes, way: bytes) -> bytes:
    """Seal a share of a site's key and one of its own seed for another site.

    Args:
        lines: both shares.
        key: the sender's key for sealing.
        theirs: the receiver's raw public key.
        way: from whom to whom, in which attempt; the same on both sides.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key.agreed(theirs, b"seal\0" + way)).encrypt(nonce, "\n".join(lines).encode(), way)


def open_shares(sealed: bytes, key: MaskKey, theirs: bytes, way: bytes) -> tuple[str, str]:
    """Open what `seal_shares` sealed; raises CollectiveError if it was altered, or is for another one."""
    cipher = AESGCM(key.agreed(theirs, b"seal\0" + way))
    try:
        lines = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], way).decode()
        of_key, of_seed = lines.split("\n")
    except (InvalidTag, ValueError):
        raise CollectiveError("shares of another site do not open: they were altered on the way") from None
    return of_key, of_seed
