"""Whether a call came through the front, and which token it carries."""

import hmac
from collections.abc import Iterable
from pathlib import Path

from raypp.errors import OptionError
from raypp.io.private import read_secret
from raypp.serving.status import Status, StatusError

FRONT_HEADER = "x-raypp-front"
_AUTHORIZATION = "authorization"
_BEARER = "bearer "
_LEAST_SECRET = 16

Metadata = Iterable[tuple[str, str | bytes]]


def read_front_secret(path: Path) -> bytes:
    """Read the secret that the front adds to calls; raises OptionError if it is missing, short, or open to others."""
    secret = read_secret(path, "front secret", "make one with `openssl rand -hex 32`", OptionError).strip()
    if len(secret) < _LEAST_SECRET:
        raise OptionError(f"front secret {path} has fewer than {_LEAST_SECRET} bytes; use `openssl rand -hex 32`")
    return secret


class Front:
    """The TLS front, or its absence.

    Args:
        secret: what the front adds to each call; None where calls need not come through a front.
    """

    def __init__(self, secret: bytes | None) -> None:
        self._secret = secret

    @property
    def asks(self) -> bool:
        """Whether calls must have come through the front."""
        return self._secret is not None

    def passed(self, given: str | bytes) -> bool:
        """Whether a call that carries this value of `x-raypp-front` came through the front; takes constant time."""
        if self._secret is None:
            return True
        return hmac.compare_digest(given.encode() if isinstance(given, str) else given, self._secret)

    def token_of(self, metadata: Metadata) -> str:
        """Return the token that a call carries, having checked that it came through the front.

        Raises:
            RefusedError: PERMISSION_DENIED without the front's secret, UNAUTHENTICATED without a token.
        """
        values = {name.lower(): value for name, value in metadata}
        if not self.passed(values.get(FRONT_HEADER, b"")):
            raise StatusError(Status.PERMISSION_DENIED, "this call did not come through the front; use its address")
        authorization = values.get(_AUTHORIZATION, "")
        if not isinstance(authorization, str) or not authorization.lower().startswith(_BEARER):
            raise StatusError(Status.UNAUTHENTICATED, "the call carries no token; send `authorization: Bearer TOKEN`")
        return authorization[len(_BEARER) :].strip()
