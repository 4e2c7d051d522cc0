"""Files and folders that are there whole or not at all, whatever is killed meanwhile."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

PART_SUFFIX = ".tmp"
"""What the names of files and folders end with that are not whole yet; they begin with a dot."""
_FILE_MODE, _PRIVATE_MODE = 0o666, 0o600
_SYNC_THREADS = 8


@contextmanager
def whole_file(path: Path, *, private: bool = False, durable: bool = False) -> Iterator[Path]:
    """Give an empty file beside a file; at the end of the block it becomes the file, or is deleted upon an error.

    Each call has its own, so that two processes may write the same file: the later one stays.

    Args:
        path: the file; its folder is there.
        private: whether the file is of mode 0600; else the umask decides.
        durable: whether the file is on the disk before the block has ended, so that it outlives a loss of power.

    Raises:
        OSError: if it cannot be written; the file is as before.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(6)}{PART_SUFFIX}")
    try:
        mode = _PRIVATE_MODE if private else _FILE_MODE
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield part
        if durable:
            _sync(part, os.O_RDONLY)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a place for a folder beside a folder; at the end of the block it takes the folder's place.

    Upon an error it is deleted. What a killed process left of it is deleted first, so one process at a time writes a
    folder.

    Args:
        path: the folder; the one above it is there.

    Raises:
        OSError: if it cannot be written.
    """
    part = path.with_name(f".{path.name}{PART_SUFFIX}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        yield part
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write text to a file, as UTF-8 and with its line ends as they are; raises OSError."""
    write_bytes(path, text.encode())


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """Write text as `write_text` does, part by part, so that it need not be held as a whole."""
    with whole_file(path) as whole, whole.open("w", encoding="utf-8", newline="") as file:
        file.writelines(parts)


def write_bytes(path: Path, content: bytes, *, private: bool = False, durable: bool = False) -> None:
    """Write a file whole or not at all; arguments and errors as for `whole_file`."""
    with whole_file(path, private=private, durable=durable) as part:
        part.write_bytes(content)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files, each whole or not at all, and all of them to the disk for little more than one of them costs.

    Args:
        contents: of each file; its folder is there.

    Raises:
        OSError: if one cannot be written; then some may be there.
    """
    with ExitStack() as files:
        parts = []
        for path, content in contents.items():
            part = files.enter_context(whole_file(path))
            part.write_bytes(content)
            parts.append(part)
        sync_together(parts)
    sync_together({path.parent for path in contents})


def sync_together(paths: Iterable[Path]) -> None:
    """Bring files, or folders' entries, to the disk; raises OSError.

    A file system writes its journal once for all that wait for it at a time.
    """
    waiting = list(paths)
    if len(waiting) == 1:
        _sync(waiting[0], os.O_RDONLY)
        return
    with ThreadPoolExecutor(_SYNC_THREADS) as threads:
        for _ in threads.map(lambda path: _sync(path, os.O_RDONLY), waiting):
            pass


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk; raises OSError."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
