"""The log of a split key: a chain of signed entries, of which each person keeps a copy beside the share.

An entry is signed by the split key itself, so it takes two persons to write one. Any two uses have a person in common,
and an entry that somebody takes out of one copy is missing in a chain that another person's copy still has.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.dual_control.split_key import SplitKey
from raypp.errors import ConflictError, ContentError, KeyFileError
from raypp.io.content import read_content
from raypp.io.private import write_private
from raypp.veil.signed import SignedDocument

Action = Literal["split", "show", "join"]
_MOST_BYTES = 100_000_000
_REMEDY = "take a copy of another person's log in its place, once you know why"


class KeyUse(SignedDocument):
    """One use of a split key.

    Attributes:
        split: of which split.
        number: of the entry, from 1.
        previous: digest of the entry before, hex; empty for the first.
        at: when, ISO 8601 in UTC.
        persons: who opened it; for the first entry, who got a share.
        account: the account under which it was opened.
        action: split, show or join.
        subject: of what, such as an archive.
        reason: why, as the persons gave it.
        samples: sample_ids of the frames that were shown.
    """

    domain: ClassVar[bytes] = b"raypp key use v1"
    what: ClassVar[str] = "use of a split key"

    kind: Literal["raypp-key-use"] = "raypp-key-use"
    version: Literal[1] = 1
    split: str
    number: int = Field(ge=1)
    previous: str
    at: str
    persons: tuple[str, ...]
    account: str
    action: Action
    subject: str
    reason: str
    samples: tuple[str, ...] = ()


class KeyUses(BaseModel):
    """Result of `raypp key uses`."""

    model_config = ConfigDict(frozen=True)

    uses: tuple[KeyUse, ...]


def log_of(share: Path) -> Path:
    """Return the file of a person's log, beside the share."""
    return share.with_suffix(".log")


def read_key_uses(path: Path, split: SplitKey) -> tuple[KeyUse, ...]:
    """Read a person's log, and check each entry's signature and place in the chain.

    Raises:
        KeyFileError: if there is none, or an entry was altered, left out, or is of another split.
    """
    try:
        lines = read_content(path, _MOST_BYTES).splitlines()
    except ContentError as error:
        raise KeyFileError(f"log {path} {error}; {_REMEDY}") from None
    entries: list[KeyUse] = []
    for number, line in enumerate(lines, 1):
        before = entries[-1].digest if entries else ""
        try:
            entry = KeyUse.model_validate_json(line)
        except ValidationError:
            entry = None
        if entry is None or (entry.number, entry.previous) != (number, before):
            raise KeyFileError(f"log {path}: entry {number} was altered, or one before it was left out; {_REMEDY}")
        if (entry.split, entry.public_key) != (split.split, split.public_key) or not entry.is_true():
            raise KeyFileError(f"log {path}: entry {number} is not signed by the split key; {_REMEDY}")
        entries.append(entry)
    if not entries:
        raise KeyFileError(f"log {path} is empty; {_REMEDY}")
    return tuple(entries)


def agreed(logs: Mapping[str, Sequence[KeyUse]]) -> tuple[KeyUse, ...]:
    """Return the longest of the logs of some persons, which holds all the others.

    A shorter one is that of a person who took no part in the latest uses.

    Raises:
        ConflictError: if two of them differ: a use was taken out of one.
    """
    longest = max(logs, key=lambda person: len(logs[person]))
    for person, entries in logs.items():
        for entry, other in zip(entries, logs[longest], strict=False):
            if entry != other:
                raise ConflictError(
                    f"the logs of {person} and {longest} differ from entry {entry.number} on: a use was taken out of "
                    "one of them; compare them by `raypp key uses`, and split the key anew"
                )
    return tuple(logs[longest])


def write_key_uses(path: Path, entries: Sequence[KeyUse]) -> None:
    """Write a person's log whole, and to the disk; raises KeyFileError if it cannot be written."""
    try:
        write_private(path, b"".join(entry.to_bytes() + b"\n" for entry in entries))
    except OSError as error:
        raise KeyFileError(
            f"log {path}: {error.strerror}; nothing was opened: a use is written into the logs of both persons first"
        ) from None
