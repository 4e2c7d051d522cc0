"""Wheels that a tool brings: each is in the lock by its hash, and is unpacked outside the sandbox, never run there."""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from raypp.errors import OptionError
from raypp.io.zip_content import opened_zip

WHEELS: Final = "wheels"
"""The folder of a tool that holds them."""
_MOST_BYTES: Final = 200_000_000
_MOST_FILES: Final = 20_000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How wheels are compressed: the others' libraries raise errors of their own."""


def check_wheels(lock: Mapping[str, str], files: Mapping[str, bytes], where: str) -> None:
    """Check that the wheels are those of the lock.

    Args:
        lock: SHA-256 by the file's name, as the manifest has it.
        files: of the tool.
        where: the tool, for messages.

    Raises:
        OptionError: naming a wheel that is not in the lock, is missing, or has another hash.
    """
    begin = f"{WHEELS}/"
    there = {name.removeprefix(begin): content for name, content in files.items() if name.startswith(begin)}
    for name in sorted(there.keys() - lock.keys()):
        raise OptionError(f"{where}: wheel {name[:100]} is not in the lock; add its SHA-256 to `wheels` of tool.yaml")
    for name, digest in lock.items():
        if name not in there:
            raise OptionError(f"{where}: wheel {name} of the lock is missing; put it into {WHEELS}/")
        if hashlib.sha256(there[name]).hexdigest() != digest:
            raise OptionError(f"{where}: wheel {name} has another SHA-256 than the lock; get the right file")


def unpack_wheels(wheels: Mapping[str, bytes], folder: Path) -> None:
    """Unpack wheels into a folder.

    Raises:
        OptionError: if one is no wheel, leads out of the folder, holds a link, or is too large.
    """
    left = _MOST_BYTES
    for name, content in wheels.items():
        with opened_zip(content, f"wheel {name} is damaged, or no wheel; get it anew") as archive:
            members = archive.infolist()
            if len(members) > _MOST_FILES:
                raise OptionError(f"wheel {name} has more than {_MOST_FILES:,} files")
            if any(member.compress_type not in _METHODS for member in members):
                raise OptionError(f"wheel {name} is compressed by another method than deflate; get it anew")
            for member in members:
                left -= member.file_size
                _unpack(name, archive, member, folder, left)


def _unpack(wheel: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, left: int) -> None:
    parts = PurePosixPath(member.filename).parts
    linked = member.external_attr >> 28 not in {0, 4, 8}  # neither unknown, a folder, nor a plain file
    if linked or not parts or member.filename.startswith("/") or ".." in parts or "\\" in member.filename:
        raise OptionError(f"wheel {wheel} holds {member.filename[:100]!a}, which no wheel should")
    if left < 0:
        raise OptionError(f"wheels have more than {_MOST_BYTES:,} bytes when they are unpacked")
    place = folder.joinpath(*parts)
    content = None if member.is_dir() else archive.read(member)
    try:
        (place if content is None else place.parent).mkdir(parents=True, exist_ok=True)
        if content is not None:
            place.write_bytes(content)
    except OSError as error:
        raise OptionError(
            f"wheel {wheel}: {member.filename[:100]!a} cannot be unpacked to {folder}: {error.strerror}"
        ) from None
