"""The text of a token: a public id, and a secret of which nobody keeps more than a digest."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import Self

_SECRET_BYTES, _ID_BYTES = 32, 8
_TOKEN = re.compile(r"rpp_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class TokenText:
    """A token as a caller sends it.

    Attributes:
        token_id: its public id.
        secret: the rest of it.
    """

    token_id: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """Return a token that nobody has."""
        secret = base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()
        return cls(secrets.token_hex(_ID_BYTES), secret)

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Read a token; None for what is none."""
        parts = _TOKEN.fullmatch(text or "")
        return None if parts is None else cls(parts[1], parts[2])

    @property
    def digest(self) -> bytes:
        """SHA-256 of the secret; it is 256 random bits, so nothing slower is needed."""
        return hashlib.sha256(self.secret.encode()).digest()

    @property
    def text(self) -> str:
        """The whole of it."""
        return f"rpp_{self.token_id}_{self.secret}"
