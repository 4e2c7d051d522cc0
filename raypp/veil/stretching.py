"""Stretching a passphrase into a key by scrypt (RFC 7914), at a cost that the sealed file names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from raypp.errors import RayppError

KDF = "scrypt"
_KEY_BYTES = 32
_LEAST_DOUBLINGS, _MOST_DOUBLINGS = 15, 18
_BLOCKS = 8
_MOST_PASSES = 4


@dataclass(frozen=True)
class Stretching:
    """The cost of trying one passphrase: 2**doublings * 1 KiB of memory, and time in proportion to that and `passes`.

    Attributes:
        doublings: binary logarithm of scrypt's n, 15 to 18: 32 to 256 MiB.
        passes: scrypt's p, 1 to 4.

    Raises:
        ValueError: outside these bounds: less protects nothing, more would stall whoever opens a file.
    """

    doublings: int
    passes: int = 1

    def __post_init__(self) -> None:
        if not _LEAST_DOUBLINGS <= self.doublings <= _MOST_DOUBLINGS or not 1 <= self.passes <= _MOST_PASSES:
            raise ValueError(f"scrypt n=2**{self.doublings}, p={self.passes} is out of bounds")

    def to_json(self) -> dict[str, Any]:
        """Return it as fields of a JSON document."""
        return {"kdf": KDF, "n": 1 << self.doublings, "r": _BLOCKS, "p": self.passes}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        size, blocks, passes = (document[name] for name in ("n", "r", "p"))
        if document["kdf"] != KDF or blocks != _BLOCKS or not isinstance(size, int) or not isinstance(passes, int):
            raise ValueError("no scrypt of raypp")
        if size < 1 or size.bit_count() != 1:
            raise ValueError("n is no power of two")
        return cls(size.bit_length() - 1, passes)

    def to_bytes(self) -> bytes:
        """Return it as two bytes."""
        return bytes([self.doublings, self.passes])

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        """Read what `to_bytes` gave; raises ValueError for anything else."""
        doublings, passes = content  # ValueError if there are not two
        return cls(doublings, passes)

    def key(self, passphrase: str, salt: bytes) -> bytes:
        """Return the 32 bytes that a passphrase gives; raises RayppError if there is not enough memory."""
        try:
            scrypt = Scrypt(salt=salt, length=_KEY_BYTES, n=1 << self.doublings, r=_BLOCKS, p=self.passes)
            return scrypt.derive(passphrase.encode())
        except MemoryError:
            del passphrase  # a traceback may show locals
        raise RayppError(f"opening a sealed file takes {1 << self.doublings >> 10} MiB of free memory; free some")


DEFAULT = Stretching(17)
FIRST = Stretching(15)
"""What everything was sealed at before files named it, and for some time after."""
