"""Shamir's secret sharing as SLIP-0039 has it: of some lines of words, as many as it takes give a secret back.

Each line has a checksum of its own and the number of its split, and the secret has a keyed digest in the shares. The
arithmetic is that of SLIP-0039's reference implementation.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from raypp.errors import KeyFileError

NEEDED, SHARES = 2, 3
"""How many of how many shares open. Two uses then have a person in common, whose log holds both."""


class ShareMark(NamedTuple):
    """Public part of a share's words: the number of its split, 0 to 32,767, and its own, 0 to 2."""

    split: int
    number: int


def split_secret(secret: bytes, needed: int = NEEDED, shares: int = SHARES) -> tuple[str, ...]:
    """Split a secret of 32 bytes into lines of 33 words.

    Args:
        secret: 32 bytes.
        needed: how many lines open, 2 or more.
        shares: how many lines, 16 at most.

    Raises:
        KeyFileError: if the package is missing.
    """
    groups: list[list[str]] = _slip39().generate_mnemonics(1, [(needed, shares)], secret, iteration_exponent=0)
    return tuple(groups[0])


def share_mark(words: str) -> ShareMark | None:
    """Return what is public of a share's words; None if their checksum, or what they say of the split, is wrong."""
    slip39 = _slip39()
    try:
        share = slip39.share.Share.from_mnemonic(words)
    except slip39.MnemonicError:
        return None
    scheme = (share.group_threshold, share.group_count, share.member_threshold, len(share.value))
    if scheme != (1, 1, NEEDED, 32) or share.index >= SHARES:
        return None
    return ShareMark(share.identifier, share.index)


def join_secret(lines: Sequence[str]) -> bytes | None:
    """Return the secret of shares; None if they are too few, of different splits, the same, or none of a secret."""
    slip39 = _slip39()
    try:
        secret: bytes = slip39.combine_mnemonics(lines)
    except slip39.MnemonicError:
        return None
    return secret


def _slip39() -> Any:
    try:
        import shamir_mnemonic  # noqa: PLC0415 - not part of the core install
        import shamir_mnemonic.share  # noqa: PLC0415
    except ImportError:
        raise KeyFileError("split keys need a package that is missing; install raypp[keys-shares]") from None
    return shamir_mnemonic
