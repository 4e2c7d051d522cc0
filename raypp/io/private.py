"""What only its user may read: files of mode 0600, folders of 0700, and secrets that are read from such files alone."""

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from raypp.errors import RayppError
from raypp.io.atomic import write_bytes

PUBLIC = "public"
"""Folder, in one that stays with its owner, of what may be handed out."""
FILE_MODE, FOLDER_MODE = 0o600, 0o700
_MOST_SECRET_BYTES = 4_000_000
_OTHERS, _ANYBODY = 0o077, 0o007
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
_ACL, _ACL_HEAD, _ACL_ENTRY = "system.posix_acl_access", struct.Struct("<I"), struct.Struct("<HHI")
_NAMED_USER, _OWN_GROUP, _NAMED_GROUP, _MASK = 0x02, 0x04, 0x08, 0x10


def read_secret(path: Path, what: str, remedy: str, error: type[RayppError]) -> bytes:
    """Read a secret from a file that nobody else may read.

    A pipe or a device is read as it is: its mode says nothing of who can read what passes through it.

    Args:
        path: the file.
        what: what it is called in messages, such as "token file".
        remedy: what helps where there is no such file.
        error: what is raised.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            is_open = stat.S_ISREG(status.st_mode) and _is_open_to_others(path, file.fileno(), status)
            content = b"" if is_open else file.read(_MOST_SECRET_BYTES + 1)
    except OSError as failure:
        raise error(f"{what} {path}: {failure.strerror}; {remedy}") from None
    if len(content) > _MOST_SECRET_BYTES:
        raise error(f"{what} {path} is larger than {_MOST_SECRET_BYTES:,} bytes, which no secret is; {remedy}")
    if is_open:
        mode = stat.S_IMODE(status.st_mode)
        raise error(f"{what} {path} is open to others (mode {mode:04o}); run `chmod 600 {path}`")
    return content


def create_secret(path: Path, what: str, error: type[RayppError], remedy: str = "choose another name") -> IO[str]:
    """Open a new file of mode 0600 for a secret; its folder is made with mode 0700 where there is none.

    Args:
        path: the file.
        what: what it is called in messages, such as "key file".
        error: what is raised if it exists, cannot be written, or would lie in a git working tree.
        remedy: what helps if it exists.
    """
    tree = enclosing_work_tree(path)
    if tree is not None:
        raise error(
            f"{what} {path} would lie in the working tree {tree}, whose files are copied, committed and submitted; "
            "choose a place outside it, such as your home folder"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    except FileExistsError:
        raise error(f"{what} {path} exists; a secret is never overwritten: {remedy}") from None
    except OSError as failure:
        raise error(f"{what} {path}: {failure.strerror}; choose a writable place") from None
    return os.fdopen(descriptor, "w")


def enclosing_work_tree(path: Path) -> Path | None:
    """Return the git working tree that holds a path, or None."""
    resolved = path.resolve()
    return next((parent for parent in resolved.parents if (parent / ".git").exists()), None)


def private_folder(path: Path) -> Path:
    """Make a folder that only its user may enter, or close an empty one; raises OSError.

    One that holds something is left as it is, for it may be anything that a user named by mistake, such as /tmp.
    """
    path.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    if next(path.iterdir(), None) is None:
        path.chmod(FOLDER_MODE)
    return path


@contextmanager
def private_umask() -> Iterator[None]:
    """Let whatever this process creates within the block be of mode 0600, and folders of 0700."""
    before = os.umask(_OTHERS)
    try:
        yield
    finally:
        os.umask(before)


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, and to the disk; raises OSError."""
    write_bytes(path, content, private=True, durable=True)


def _is_open_to_others(path: Path, descriptor: int, status: os.stat_result) -> bool:
    """Whether anybody but the file's owner, root and this process's user may read or write a file.

    systemd hands credentials over as files of root's with one ACL entry for the service's user, and the mode then
    shows that entry's rights as those of the group.
    """
    if not status.st_mode & _OTHERS:
        return False
    folder = os.environ.get(_CREDENTIALS)
    handed_over = status.st_uid == 0 or (folder is not None and path.resolve().is_relative_to(Path(folder).resolve()))
    return bool(status.st_mode & _ANYBODY) or not handed_over or not _only_for_us(descriptor)


def _only_for_us(descriptor: int) -> bool:
    """Whether a file has an ACL, and it lets in no group and no other user than this process's."""
    try:
        acl = os.getxattr(descriptor, _ACL)
    except OSError:  # no ACL, or a file system without
        return False
    entries = list(_ACL_ENTRY.iter_unpack(acl[_ACL_HEAD.size :]))
    most = next((rights for tag, rights, _ in entries if tag == _MASK), 0)
    let_in = [(tag, who) for tag, rights, who in entries if tag != _MASK and rights & most]
    groups = any(tag in {_OWN_GROUP, _NAMED_GROUP} for tag, _ in let_in)
    return not groups and all(who in {0, os.geteuid()} for tag, who in let_in if tag == _NAMED_USER)
