"""What is public of a split key and of a share, as lines of name and value."""

from pathlib import Path

from raypp.dual_control.shamir import NEEDED, SHARES
from raypp.dual_control.share import describe_share
from raypp.dual_control.split_key import read_split_key
from raypp.veil.keyfile import SHARE_MAGIC, kind_of


def describe_split(path: Path) -> dict[str, str]:
    """Describe a split key or a share of one, without a passphrase; raises KeyFileError if it is damaged."""
    if kind_of(path) == SHARE_MAGIC:
        return describe_share(path)
    split = read_split_key(path)
    return {
        "split key": str(path),
        "fingerprint": split.fingerprint,
        "split": split.split,
        "opened by": f"{NEEDED} of {SHARES}: {', '.join(split.persons)}",
    }
