"""A split key's file: an owner's key, sealed under a secret of which three persons hold a share each."""

import base64
import json
import secrets
from pathlib import Path
from typing import Annotated, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from raypp.dual_control.shamir import SHARES, join_secret, share_mark, split_secret
from raypp.dual_control.share import KeyShare
from raypp.errors import ContentError, KeyFileError, OptionError
from raypp.io.content import read_content
from raypp.text.names import check_stream_name
from raypp.veil.key import VeilKey, fingerprint
from raypp.veil.keyfile import SPLIT_MAGIC, owner_key_text, parse_owner_key

_MOST_BYTES = 100_000
_SECRET_BYTES, _NONCE_BYTES = 32, 12
_REMEDY = "name the file owner.key.split that `raypp key split` wrote"


def check_persons(persons: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of persons; raises ValueError unless they are three, and each of letters, digits, '.', '_', '-'."""
    for person in persons:
        check_stream_name(person, "person")
        if person in {".", ".."}:
            raise ValueError(f"person {person!r} is no name")
    if len(persons) != SHARES or len({person.lower() for person in persons}) != SHARES:
        raise ValueError(f"a key is split among {SHARES} persons with different names")
    return persons


class SplitKey(BaseModel):
    """A split key as it lies on disk. Nothing of it is secret.

    Attributes:
        public_key: raw Ed25519 key of the owner's key, hex.
        split: name of this split, 32 hex digits.
        persons: who holds a share, in the order of the shares.
        nonce: 12 bytes, base64.
        sealed: content of the key file by AES-256-GCM, base64; the fields above are bound to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["raypp-split-key"] = SPLIT_MAGIC
    version: Literal[1] = 1
    public_key: str = Field(pattern="^[0-9a-f]{64}$")
    split: str = Field(pattern="^[0-9a-f]{32}$")
    persons: Annotated[tuple[str, ...], AfterValidator(check_persons)]
    nonce: str = ""
    sealed: str = ""

    @property
    def fingerprint(self) -> str:
        """16 hex digits by which people tell the key from others."""
        return fingerprint(bytes.fromhex(self.public_key))

    @classmethod
    def seal(cls, key: VeilKey, persons: tuple[str, ...]) -> tuple[Self, tuple[KeyShare, ...]]:
        """Split a key; returns the split key, and a share for each person.

        Raises:
            OptionError: if the persons are not three.
            KeyFileError: if the package of the sharing is missing.
        """
        try:
            check_persons(persons)
        except ValueError as error:
            raise OptionError(f"`persons`: {error}") from None
        open_head = cls(public_key=key.public_key.hex(), split=secrets.token_hex(16), persons=persons)
        secret, nonce = secrets.token_bytes(_SECRET_BYTES), secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(secret).encrypt(nonce, owner_key_text(key).encode(), open_head.bound())
        parts = {"nonce": base64.b64encode(nonce).decode(), "sealed": base64.b64encode(sealed).decode()}
        shares = tuple(
            KeyShare(person, open_head.split, open_head.fingerprint, words)
            for person, words in zip(persons, split_secret(secret), strict=True)
        )
        return open_head.model_copy(update=parts), shares

    def bound(self) -> bytes:
        """Return what the sealed key is bound to."""
        fields = self.model_dump(mode="json", exclude={"nonce", "sealed"})
        return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    def check_share(self, share: KeyShare, path: Path) -> None:
        """Raise KeyFileError unless a share is of this split, and its person's."""
        if share.fingerprint != self.fingerprint or share.split != self.split:
            raise KeyFileError(
                f"share {path} of {share.person} is of another split (key {share.fingerprint}, split "
                f"{share.split[:8]}), not of this one (key {self.fingerprint}, split {self.split[:8]}); shares of "
                "different splits never open; name one of this split"
            )
        mark = share_mark(share.words)
        if mark is None or self.persons[mark.number] != share.person:
            raise KeyFileError(f"share {path} does not belong to {share.person}: it was altered; restore its backup")

    def open(self, first: KeyShare, second: KeyShare) -> VeilKey:
        """Return the key by two shares that `check_share` has passed; raises KeyFileError if they do not open it."""
        if first.person == second.person:
            raise KeyFileError(f"both shares are {first.person}'s; two different persons open a split key")
        secret = join_secret((first.words, second.words))
        if secret is not None:
            try:
                nonce, sealed = base64.b64decode(self.nonce), base64.b64decode(self.sealed)
                return parse_owner_key(AESGCM(secret).decrypt(nonce, sealed, self.bound()))
            except (InvalidTag, ValueError):
                pass
        del secret  # a traceback may show locals
        raise KeyFileError(
            f"the shares of {first.person} and {second.person} do not open the split key: it, or one of them, was "
            "altered; restore their backups"
        )

    def to_json(self) -> str:
        """Return the content of its file."""
        return self.model_dump_json(indent=1)


def read_split_key(path: Path) -> SplitKey:
    """Read a split key's file; raises KeyFileError if it is none."""
    try:
        return SplitKey.model_validate_json(read_content(path, _MOST_BYTES))
    except ContentError as error:
        raise KeyFileError(f"split key {path} {error}; {_REMEDY}") from None
    except ValidationError:
        raise KeyFileError(f"{path} is no split key, or it is damaged; {_REMEDY}") from None
