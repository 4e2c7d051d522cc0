"""Short names of adversaries, by which an audit is told whose attacks to make; this module imports nothing heavy."""

from collections.abc import Collection
from enum import StrEnum


class AdversaryName(StrEnum):
    """Short name of an adversary."""

    CIPHERTEXT_ONLY = "ciphertext-only"
    INSIDER = "insider"
    KNOWN_PLAINTEXT = "known-plaintext"
    WHITE_BOX = "white-box"


def with_implied(names: Collection[AdversaryName]) -> frozenset[AdversaryName]:
    """Add the ciphertext-only adversary to an insider and a known-plaintext one, who can make all its attacks.

    Args:
        names: as they were chosen; none stands for all.
    """
    if not names:
        return frozenset(AdversaryName)
    implied = {AdversaryName.INSIDER, AdversaryName.KNOWN_PLAINTEXT} & set(names)
    return frozenset(names) | ({AdversaryName.CIPHERTEXT_ONLY} if implied else set())
