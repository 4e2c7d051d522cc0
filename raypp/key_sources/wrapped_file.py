"""Wrapped key files: a whole key file, sealed under a data key that only its source can unwrap."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from raypp.errors import ContentError
from raypp.io.json import read_json
from raypp.key_sources.wrapper import KeyWrapper

WRAPPED_MAGIC = "raypp-wrapped-key"
_SECRET_BYTES, _NONCE_BYTES = 32, 12


@dataclass(frozen=True, repr=False)
class SealingKey:
    """A new data key, for one key file.

    Attributes:
        secret: 32 bytes.
        wrapped: the same, as the source has wrapped them.
    """

    secret: bytes
    wrapped: bytes

    @classmethod
    def draw(cls, wrapper: KeyWrapper) -> Self | None:
        """Draw a data key, have it wrapped, and unwrap it for a trial; None if the source gives another one back.

        Raises:
            KeyFileError: if the source does not answer.
        """
        secret = secrets.token_bytes(_SECRET_BYTES)
        wrapped = wrapper.wrap(secret)
        return cls(secret, wrapped) if wrapper.unwrap(wrapped) == secret else None


@dataclass(frozen=True)
class WrappedFile:
    """A key file as it lies on disk, wrapped. Nothing of it is secret.

    Attributes:
        source: the source's address: what unwraps it.
        wraps: kind of the key file that is wrapped.
        fingerprint: of an owner's key; empty for others, and under a passphrase.
        data_key: 32 bytes, as the source has wrapped them.
        nonce: 12 bytes.
        sealed: the key file, by AES-256-GCM under the data key; the fields above are bound to it.
    """

    source: str
    wraps: str
    fingerprint: str
    data_key: bytes
    nonce: bytes
    sealed: bytes

    @classmethod
    def seal(cls, content: bytes, sealing: "SealingKey", source: str, wraps: str, fingerprint: str) -> Self:
        """Wrap the content of a key file under a data key that its source has wrapped already."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(sealing.secret).encrypt(nonce, content, _bound(source, wraps, fingerprint))
        return cls(source, wraps, fingerprint, sealing.wrapped, nonce, sealed)

    def open(self, wrapper: KeyWrapper) -> bytes:
        """Return the content of the key file.

        Raises:
            KeyFileError: if the source does not answer, or unwraps nothing.
            ValueError: if the file was altered.
        """
        secret = wrapper.unwrap(self.data_key)
        try:
            return AESGCM(secret).decrypt(self.nonce, self.sealed, _bound(self.source, self.wraps, self.fingerprint))
        except InvalidTag:
            del secret  # a traceback may show locals
            raise ValueError from None

    def to_json(self) -> dict[str, Any]:
        """Return the file as a JSON document."""
        parts = {"data_key": self.data_key, "nonce": self.nonce, "sealed": self.sealed}
        head: dict[str, Any] = json.loads(_bound(self.source, self.wraps, self.fingerprint))
        return head | {name: base64.b64encode(part).decode() for name, part in parts.items()}

    @classmethod
    def parse(cls, content: bytes) -> Self | None:
        """Read a wrapped file; None if it is no such file.

        Raises:
            ValueError: if it is truncated or malformed.
        """
        if WRAPPED_MAGIC.encode() not in content[:256]:
            return None
        try:
            document = read_json(content)
            source, wraps, fingerprint = (_text(document[name]) for name in ("source", "wraps", "fingerprint"))
            parts = [base64.b64decode(document[name], validate=True) for name in ("data_key", "nonce", "sealed")]
        except (ContentError, KeyError, TypeError) as error:
            raise ValueError from error
        if len(parts[1]) != _NONCE_BYTES or "?" in source:  # how a source is reached is the machine's to say
            raise ValueError
        return cls(source, wraps, fingerprint, *parts)


def _bound(source: str, wraps: str, fingerprint: str) -> bytes:
    head = {"kind": WRAPPED_MAGIC, "version": 1, "wraps": wraps, "source": source, "fingerprint": fingerprint}
    return json.dumps(head, separators=(",", ":")).encode()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
