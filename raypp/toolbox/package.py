"""A packed tool: one file with all its bytes, the same whenever the same folder is packed."""

import hashlib
import io
import os
import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from raypp.errors import ContentError, OptionError
from raypp.io.content import read_content
from raypp.io.zip_content import opened_zip
from raypp.toolbox.manifest import MANIFEST, ToolManifest, read_tool_manifest
from raypp.toolbox.wheels import WHEELS, check_wheels

MOST_PACKAGE_BYTES: Final = 32_000_000
_MOST_FILES: Final = 500
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}){0,7}")
_SKIPPED: Final = frozenset({"__pycache__"})


@dataclass(frozen=True, repr=False)
class ToolPackage:
    """A tool with all its bytes.

    Attributes:
        manifest: what it states.
        files: contents by name, sorted.
        content: the packed file.
        digest: SHA-256 of it, 64 hex digits.
    """

    manifest: ToolManifest
    files: Mapping[str, bytes]
    content: bytes
    digest: str

    @property
    def code(self) -> dict[str, bytes]:
        """The files that the sandbox sees as code: all but wheels."""
        return {name: content for name, content in self.files.items() if not name.startswith(f"{WHEELS}/")}

    @property
    def wheels(self) -> dict[str, bytes]:
        """The wheels, by their names."""
        begin = f"{WHEELS}/"
        return {name.removeprefix(begin): content for name, content in self.files.items() if name.startswith(begin)}


def pack_folder(folder: Path) -> ToolPackage:
    """Pack a folder with a manifest.

    Raises:
        OptionError: if it has no manifest, a link or device, a name that is not taken, or more than a tool may have.
    """
    files: dict[str, bytes] = {}
    left = MOST_PACKAGE_BYTES
    for path in _walk(folder):
        name = path.relative_to(folder).as_posix()
        try:
            files[name] = read_content(path, left)
        except ContentError as error:
            raise OptionError(f"{path} {error}; a tool has at most {MOST_PACKAGE_BYTES:,} bytes in all") from None
        left -= len(files[name])
    return _package(files, str(folder))


def read_package(path: Path) -> ToolPackage:
    """Read a packed tool, or pack a folder; raises OptionError if it is none, or not as `pack_folder` packs."""
    if path.is_dir():
        return pack_folder(path)
    try:
        content = read_content(path, 2 * MOST_PACKAGE_BYTES)
    except ContentError as error:
        raise OptionError(f"{path} {error}; name a file of `raypp tool pack`") from None
    return unpack_tool(content, str(path))


def unpack_tool(content: bytes, where: str) -> ToolPackage:
    """Read the bytes of a packed tool.

    Args:
        content: the bytes.
        where: their file, for messages.

    Raises:
        OptionError: if they are no tool, or one byte is not as `pack_folder` writes it.
    """
    files: dict[str, bytes] = {}
    fault = f"{where} is no packed tool, or it is damaged; pack it with `raypp tool pack`"
    with opened_zip(content, fault) as archive:
        members = archive.infolist()
        if len(members) > _MOST_FILES or sum(member.file_size for member in members) > MOST_PACKAGE_BYTES:
            raise OptionError(f"{where} holds more than a tool may have")
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise OptionError(f"{where} is compressed, which `raypp tool pack` never does; pack its folder again")
        for member in members:
            files[member.filename] = archive.read(member)
    package = _package(files, where)
    if package.content != content:
        raise OptionError(f"{where} is not as `raypp tool pack` writes it; pack its folder again")
    return package


def _package(files: Mapping[str, bytes], where: str) -> ToolPackage:
    if MANIFEST not in files:
        raise OptionError(f"{where} has no {MANIFEST}; name the folder of a tool")
    if len(files) > _MOST_FILES:
        raise OptionError(f"{where} has more than {_MOST_FILES} files")
    for name in files:
        if not _FILE.fullmatch(name):
            raise OptionError(f"{where}: the file name {name[:200]!a} is not taken; use letters, digits, _, -, + and .")
    manifest = read_tool_manifest(files[MANIFEST], f"{where}/{MANIFEST}")
    if manifest.entry not in files:
        raise OptionError(f"{where}/{MANIFEST}: entry {manifest.entry} is no file of the tool")
    ordered = dict(sorted(files.items()))
    check_wheels(manifest.wheels, ordered, where)
    content = _packed(ordered)
    return ToolPackage(manifest, ordered, content, hashlib.sha256(content).hexdigest())


def _packed(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            member = zipfile.ZipInfo(name)  # of 1 January 1980
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            member.create_system = 3
            archive.writestr(member, content)
    return buffer.getvalue()


def _walk(folder: Path) -> list[Path]:
    """All files of a folder; a link or device in it is refused."""
    paths = []
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise OptionError(f"tool {folder}: {error.strerror}; name the folder of a tool") from None
    for entry in entries:
        if entry.name.startswith(".") or entry.name in _SKIPPED:
            continue
        if entry.is_symlink():
            raise OptionError(f"{entry.path} is a link; a tool has plain files alone")
        if entry.is_dir():
            paths += _walk(Path(entry.path))
        elif entry.is_file():
            paths.append(Path(entry.path))
        else:
            raise OptionError(f"{entry.path} is no plain file; a tool has plain files alone")
    return paths
