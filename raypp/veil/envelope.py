"""Envelopes: bytes sealed under a passphrase by scrypt and AES-256-GCM."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from raypp.errors import OptionError
from raypp.io.private import read_secret
from raypp.veil.stretching import DEFAULT, FIRST, Stretching

_COST_BYTES, _SALT_BYTES, _NONCE_BYTES = 2, 16, 12
LEAST_PASSPHRASE = 12
"""Characters of a new passphrase; a shorter one that was taken earlier still opens its file."""

Passphrase = Callable[[], str]
"""Gives a passphrase when one is needed."""


@dataclass(frozen=True)
class Envelope:
    """Sealed bytes, with what it takes besides the passphrase to open them.

    Attributes:
        salt: 16 bytes, of the key's derivation.
        nonce: 12 bytes, of the encryption.
        sealed: the content, encrypted and authenticated.
        stretching: the cost of the key's derivation.
    """

    salt: bytes
    nonce: bytes
    sealed: bytes
    stretching: Stretching = DEFAULT

    @classmethod
    def seal(cls, content: bytes, passphrase: str, purpose: bytes) -> Self:
        """Seal content; it opens only with the same passphrase and purpose."""
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        return cls(salt, nonce, AESGCM(DEFAULT.key(passphrase, salt)).encrypt(nonce, content, purpose))

    def open(self, passphrase: str, purpose: bytes) -> bytes:
        """Return the content; raises cryptography's InvalidTag for a wrong passphrase or altered bytes."""
        if len(self.nonce) != _NONCE_BYTES:
            raise InvalidTag
        return AESGCM(self.stretching.key(passphrase, self.salt)).decrypt(self.nonce, self.sealed, purpose)

    def to_json(self) -> dict[str, Any]:
        """Return the envelope for a JSON document, naming how the key is derived."""
        parts = {"salt": self.salt, "nonce": self.nonce, "sealed": self.sealed}
        return self.stretching.to_json() | {name: base64.b64encode(part).decode() for name, part in parts.items()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        salt, nonce, sealed = (base64.b64decode(document[name]) for name in ("salt", "nonce", "sealed"))
        return cls(salt, nonce, sealed, Stretching.from_json(document))

    def to_bytes(self) -> bytes:
        """Return the envelope as bytes: cost, salt, nonce, sealed content."""
        return self.stretching.to_bytes() + self.salt + self.nonce + self.sealed

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` gave; raises ValueError for a cost out of bounds, and else an envelope may not open."""
        return cls.from_first_bytes(content[_COST_BYTES:], Stretching.from_bytes(content[:_COST_BYTES]))

    @classmethod
    def from_first_bytes(cls, content: bytes, stretching: Stretching = FIRST) -> Self:
        """Read what the first version wrote, which did not name its cost."""
        sealed_from = _SALT_BYTES + _NONCE_BYTES
        return cls(content[:_SALT_BYTES], content[_SALT_BYTES:sealed_from], content[sealed_from:], stretching)


def read_passphrase(path: Path) -> str:
    """Read a passphrase from a file, without its last line break.

    Raises:
        OptionError: if there is none to be read, or others may read it, too.
    """
    phrase = _text(read_secret(path, "passphrase file", "give a text file that holds the passphrase", OptionError))
    if phrase is None:
        raise OptionError(f"passphrase file {path}: no UTF-8 text; give a text file that holds the passphrase")
    if not phrase:
        raise OptionError(f"passphrase file {path} is empty; write the passphrase into it")
    return phrase


def new_passphrase(path: Path) -> str:
    """Read a passphrase that something is about to be sealed under; raises OptionError if it is short, too."""
    phrase = read_passphrase(path)
    if (length := len(phrase)) < LEAST_PASSPHRASE:
        del phrase  # a traceback may show locals
        raise OptionError(
            f"passphrase file {path} holds {length} characters, and at least {LEAST_PASSPHRASE} are needed: whoever "
            "has the sealed file can try passphrases without end; use some words, or `openssl rand -base64 18`"
        )
    return phrase


def _text(content: bytes) -> str | None:
    try:
        return content.decode().rstrip("\n")
    except UnicodeDecodeError:
        return None
