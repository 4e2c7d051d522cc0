"""Documents that a key signs: orders to forget, and receipts of having done so."""

import hashlib
import json
from pathlib import Path
from typing import ClassVar, Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.errors import ShardError
from raypp.veil.key import fingerprint


class Signer(Protocol):
    """A key, as far as signing needs one."""

    @property
    def public_key(self) -> bytes:
        """Raw Ed25519 public key, 32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of a message."""


class SignedDocument(BaseModel):
    """A document with a signature over its domain, a zero byte, and its other fields as canonical JSON.

    Attributes:
        public_key: the signer's raw Ed25519 key, hex; empty while it is not signed.
        signature: 64 bytes, hex; empty while it is not signed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: ClassVar[bytes]
    what: ClassVar[str]

    public_key: str = Field("", pattern="^([0-9a-f]{64})?$")
    signature: str = Field("", pattern="^([0-9a-f]{128})?$")

    @property
    def fingerprint(self) -> str:
        """16 hex digits by which people tell the signer's key from others."""
        return fingerprint(bytes.fromhex(self.public_key))

    @property
    def digest(self) -> str:
        """SHA-256 of what is signed, hex."""
        return hashlib.sha256(self.message()).hexdigest()

    def message(self) -> bytes:
        """Return what is signed."""
        return self.domain + b"\0" + _canonical(self.model_dump(mode="json", exclude={"signature"}))

    def signed(self, key: Signer) -> Self:
        """Return it with the signature of a key."""
        named = self.model_copy(update={"public_key": key.public_key.hex(), "signature": ""})
        return named.model_copy(update={"signature": key.sign(named.message()).hex()})

    def is_true(self) -> bool:
        """Whether the named key made the signature."""
        try:
            public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key))
            public_key.verify(bytes.fromhex(self.signature), self.message())
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_bytes(self) -> bytes:
        """Return canonical JSON."""
        return _canonical(self.model_dump(mode="json"))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read such a document from a file; its signature is not looked at.

        Raises:
            ShardError: if there is none, or it is something else.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ShardError(f"{cls.what} {path}: {error.strerror}; name the file that you were given") from None
        except ValidationError:
            raise ShardError(f"{path} is no {cls.what} of raypp, or it is damaged; get it anew") from None


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
