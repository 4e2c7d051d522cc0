"""A split key's life: split among three persons, and opened by two of them, once both of their logs say so."""

import fcntl
import getpass
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from raypp.dual_control.shamir import NEEDED
from raypp.dual_control.share import PersonsPassphrase, read_share
from raypp.dual_control.split_key import SplitKey, read_split_key
from raypp.dual_control.use_log import Action, KeyUse, KeyUses, agreed, log_of, read_key_uses, write_key_uses
from raypp.errors import ConflictError, KeyFileError, OptionError
from raypp.io.private import create_secret
from raypp.key_sources.place import KeyPlace
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import load_owner_key, save_owner_key

SPLIT_FILE, SHARE_FILE = "owner.key.split", "key.share"
_LONGEST_REASON = 500


@dataclass(frozen=True)
class Purpose:
    """Purpose for which a split key is opened, as the log has it.

    Attributes:
        action: split, show or join.
        subject: of what, such as an archive.
        reason: why, in the persons' words.
        samples: sample_ids of frames that are shown.
    """

    action: Action
    subject: str
    reason: str
    samples: tuple[str, ...] = ()


def split_owner_key(place: KeyPlace, persons: Sequence[str], out: Path) -> SplitKey:
    """Split an owner's key among three persons.

    Writes OUT/owner.key.split, which is no secret, and for each person a folder OUT/PERSON with share and log. The
    split key is written last, so without it a split was stopped half-way.

    Args:
        place: the owner's key.
        persons: their names.
        out: a new folder, outside any working tree.

    Raises:
        OptionError: if the persons are not three.
        KeyFileError: if the key cannot be read, or a file exists.
    """
    key = load_owner_key(place)
    split, shares = SplitKey.seal(key, tuple(persons))
    for first, second in combinations(shares, NEEDED):
        assert split.open(first, second).fingerprint == key.fingerprint  # noqa: S101 - before anybody relies on it
    entry = _entry(split, (), split.persons, Purpose("split", SPLIT_FILE, "")).signed(key)
    for share in shares:
        path = out / share.person / SHARE_FILE
        _write(path, share.to_bytes().decode())
        write_key_uses(log_of(path), (entry,))
    _write(out / SPLIT_FILE, split.to_json())
    return split


def open_split_key(place: KeyPlace, shares: Sequence[Path], purpose: Purpose, passphrase: PersonsPassphrase) -> VeilKey:
    """Open a split key by the shares of two persons, after their logs have an entry of it.

    Args:
        place: the split key's file.
        shares: files of two persons' shares, with their logs beside them.
        purpose: what for.
        passphrase: gives a person's passphrase, for a share that is sealed.

    Raises:
        OptionError: if there are not two shares, or no reason.
        KeyFileError: if a share or a log is damaged, of another split, or cannot be written.
        ConflictError: if the logs of the two differ, or another command uses a share.
    """
    _check(shares, purpose)
    if not isinstance(place, Path):
        raise OptionError(f"`key_path` {place.address} is a URL; name the file of the split key")
    split = read_split_key(place)
    with ExitStack() as stack:
        for path in sorted({path.resolve() for path in shares}):
            stack.enter_context(_locked(path))
        held = [read_share(path, passphrase) for path in shares]
        for share, path in zip(held, shares, strict=True):
            split.check_share(share, path)
        logs = {share.person: read_key_uses(log_of(path), split) for share, path in zip(held, shares, strict=True)}
        entries = agreed(logs)
        key = split.open(*held)
        entry = _entry(split, entries, tuple(share.person for share in held), purpose).signed(key)
        for path in shares:
            write_key_uses(log_of(path), (*entries, entry))
    return key


def join_split_key(
    place: KeyPlace, shares: Sequence[Path], reason: str, out: Path, passphrase: PersonsPassphrase
) -> VeilKey:
    """Write the whole key of a split one; arguments and errors as for `open_split_key`."""
    if out.exists():
        raise KeyFileError(f"key file {out} exists; a secret is never overwritten: choose another name")
    key = open_split_key(place, shares, Purpose("join", str(out.absolute()), reason), passphrase)
    save_owner_key(key, out)
    return key


def compare_logs(place: Path, logs: Sequence[Path]) -> KeyUses:
    """Check some persons' logs of a split key, and return the longest.

    Raises:
        OptionError: if no log is named.
        KeyFileError: if one is damaged, altered, or of another split.
        ConflictError: if two of them differ.
    """
    if not logs:
        raise OptionError("`logs` names none; name the logs of some persons")
    split = read_split_key(place)
    return KeyUses(uses=agreed({str(path): read_key_uses(path, split) for path in logs}))


def _check(shares: Sequence[Path], purpose: Purpose) -> None:
    if len(shares) != NEEDED:
        raise OptionError(f"`shares` names {len(shares)}; a split key is opened by the shares of {NEEDED} persons")
    if not purpose.reason.strip() or len(purpose.reason) > _LONGEST_REASON:
        raise OptionError(f"`reason` must say why, in 1 to {_LONGEST_REASON} characters; it stands in the log")


def _entry(split: SplitKey, entries: Sequence[KeyUse], persons: tuple[str, ...], purpose: Purpose) -> KeyUse:
    return KeyUse(
        split=split.split,
        number=len(entries) + 1,
        previous=entries[-1].digest if entries else "",
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        persons=persons,
        account=_account(),
        action=purpose.action,
        subject=purpose.subject,
        reason=purpose.reason,
        samples=purpose.samples,
    )


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's account without a name
        return f"uid {os.getuid()}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let no other process use a share meanwhile, for two entries of one number would look as if one was taken out."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise KeyFileError(f"share {path}: {error.strerror}; name the file of a person's share") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                f"share {path} is in use by another command; run this one when that has ended"
            ) from None
        yield


def _write(path: Path, content: str) -> None:
    with create_secret(path, "split key", KeyFileError) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
