"""Sources that wrap keys: what they have in common, and which a URL names."""

from importlib.util import find_spec
from typing import Protocol

from raypp.errors import KeyFileError
from raypp.key_sources.place import AWSKMS, PKCS11, VAULT, KeyUrl

PURPOSE = b"raypp-wrapped-key"
"""Is bound to everything that is wrapped, so that nothing else that a source has wrapped passes for a key."""
_PACKAGES = {PKCS11: ("pkcs11", "keys-pkcs11"), VAULT: ("hvac", "keys-vault"), AWSKMS: ("boto3", "keys-aws")}


class KeyWrapper(Protocol):
    """Wraps and unwraps 32 bytes with a key that never leaves its source."""

    def wrap(self, secret: bytes) -> bytes:
        """Return the secret, wrapped; raises KeyFileError naming the source and a remedy."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret; raises KeyFileError naming the source and a remedy."""


def wrapper_of(url: KeyUrl, *, by_hand: bool = False) -> KeyWrapper:
    """Return the source of a URL; nothing is connected to yet.

    Args:
        url: the URL of a source that wraps.
        by_hand: a person waits for the answer, and may try a PIN anew after a wrong one.

    Raises:
        KeyFileError: if the URL is malformed, or the source's package is not installed.
    """
    require_package(url)
    if url.scheme == VAULT:
        from raypp.key_sources.vault import VaultPlace, VaultTransit  # noqa: PLC0415 - its package may be missing

        place = VaultPlace.of(url)
        if not place.wraps:
            raise KeyFileError(f"{url.address} is a secret, which wraps nothing; name a key: vault:transit/keys/NAME")
        return VaultTransit(place)
    if url.scheme == AWSKMS:
        from raypp.key_sources.awskms import AwsKey, AwsKms  # noqa: PLC0415 - its package may be missing

        return AwsKms(AwsKey.of(url))
    from raypp.key_sources.pkcs11_token import Pkcs11Token  # noqa: PLC0415 - its package may be missing
    from raypp.key_sources.pkcs11_uri import Pkcs11Uri  # noqa: PLC0415

    return Pkcs11Token(Pkcs11Uri.of(url), by_hand=by_hand)


def require_package(url: KeyUrl) -> None:
    """Raise KeyFileError, naming what to install, if the package of a source is missing."""
    module, extra = _PACKAGES[url.scheme]
    if find_spec(module) is None:
        raise KeyFileError(f"key source {url.address} needs a package that is missing; install raypp[{extra}]")
