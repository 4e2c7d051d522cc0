"""A person's share of a split key, in a file of mode 0600; the person may seal it under a passphrase."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from raypp.dual_control.shamir import share_mark
from raypp.errors import ContentError, KeyFileError
from raypp.io.json import read_json
from raypp.io.private import read_secret, write_private
from raypp.veil.envelope import Envelope
from raypp.veil.key import Secret
from raypp.veil.keyfile import SHARE_MAGIC

PersonsPassphrase = Callable[[str], str]
"""Gives the passphrase of a person's share, by the person's name, when one is needed."""
_WHAT, _REMEDY = "share", "name the file that `raypp key split` wrote for you"
_FIELDS = ("person", "split", "fingerprint")


@dataclass(frozen=True, repr=False, eq=False)
class KeyShare(Secret):
    """One person's share.

    Attributes:
        person: whose it is.
        split: of which split, 32 hex digits.
        fingerprint: of the key that was split.
        words: the share itself; secret.
    """

    person: str
    split: str
    fingerprint: str
    words: str

    def to_bytes(self, passphrase: str | None = None) -> bytes:
        """Return the content of the share's file, sealed under a passphrase if there is one."""
        head = {"kind": SHARE_MAGIC, "version": 1} | {name: getattr(self, name) for name in _FIELDS}
        if passphrase is None:
            return json.dumps(head | {"words": self.words}, indent=1).encode()
        sealed = Envelope.seal(self.words.encode(), passphrase, _purpose(head)).to_json()
        return json.dumps(head | {"sealed": sealed}, indent=1).encode()


def no_passphrase(person: str) -> str:
    """Stand for no passphrase at all; raises KeyFileError."""
    raise KeyFileError(f"the share of {person} is sealed; give the file of the passphrase as {person}=FILE")


def read_share(path: Path, passphrase: PersonsPassphrase) -> KeyShare:
    """Read a person's share, and check it.

    Args:
        path: the file.
        passphrase: called only if the share is sealed.

    Raises:
        KeyFileError: if it is none, open to others, damaged, or the passphrase is wrong; it names file and person.
    """
    head, words = _read(path, passphrase)
    if share_mark(words) is None:
        del words  # a traceback may show locals
        raise KeyFileError(f"{_WHAT} {path} of {head['person']} is damaged: its checksum is wrong; restore its backup")
    return KeyShare(**{name: head[name] for name in _FIELDS}, words=words)


def seal_share(path: Path, passphrase: str) -> KeyShare:
    """Seal a share under a passphrase, in its place; raises KeyFileError as `read_share` does, or if it is sealed."""
    share = read_share(path, _refuse_sealed)
    try:
        write_private(path, share.to_bytes(passphrase))
    except OSError as error:
        raise KeyFileError(f"{_WHAT} {path}: {error.strerror}; choose a place where you may write") from None
    return share


def describe_share(path: Path) -> dict[str, str]:
    """Describe a share without its passphrase; raises KeyFileError as `read_share` does."""
    document = _document(read_secret(path, _WHAT, _REMEDY, KeyFileError))
    if document is not None and "words" in document:
        read_share(path, no_passphrase)
    if document is None:
        raise KeyFileError(f"{path} is no share of a key, or it is damaged; {_REMEDY}")
    public = {"share": str(path)} | {name: document[name] for name in _FIELDS}
    sealed = "by a passphrase" if "sealed" in document else "no: whoever reads the file has the share"
    return public | {"sealed": sealed}


def _read(path: Path, passphrase: PersonsPassphrase) -> tuple[dict[str, Any], str]:
    document = _document(read_secret(path, _WHAT, _REMEDY, KeyFileError))
    if document is None:
        raise KeyFileError(f"{path} is no share of a key, or it is damaged; {_REMEDY}")
    person = document["person"]
    if "words" in document:
        return document, document["words"]
    phrase = passphrase(person)
    head = {name: value for name, value in document.items() if name != "sealed"}
    try:
        words = Envelope.from_json(document["sealed"]).open(phrase, _purpose(head)).decode()
    except InvalidTag:
        reason = "wrong passphrase, or the file was altered; check the passphrase"
    except (KeyError, TypeError, ValueError, AttributeError):
        reason = "damaged content; restore its backup"
    else:
        return document, words
    del phrase  # a traceback may show locals
    raise KeyFileError(f"{_WHAT} {path} of {person}: {reason}")


def _document(content: bytes) -> dict[str, Any] | None:
    """Return a share's fields, with `words` or `sealed`; None for anything else."""
    try:
        document = read_json(content)
    except ContentError:
        return None
    if not isinstance(document, dict) or (document.get("kind"), document.get("version")) != (SHARE_MAGIC, 1):
        return None
    held = document.keys() - {"kind", "version", *_FIELDS}
    texts = [document.get(name) for name in (*_FIELDS, *(held & {"words"}))]
    return document if held in ({"words"}, {"sealed"}) and all(isinstance(text, str) for text in texts) else None


def _purpose(head: dict[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()


def _refuse_sealed(person: str) -> str:
    raise KeyFileError(f"the share of {person} is sealed already; keep its passphrase")
