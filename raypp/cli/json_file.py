"""The option `--json FILE` of a command: its summary for a machine to read."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from raypp.errors import OptionError
from raypp.io.atomic import write_parts, write_text

_FLAG = "--json"
_REMEDY = "name a file you may write"


def json_option(what: str = "the summary", flag: str = _FLAG) -> Any:
    """Declare `--json`, or the like; a file that cannot be written is refused before the command begins.

    Args:
        what: is written.
        flag: the option's name.
    """
    return file_option(flag, f"Write {what} here as JSON.")


def file_option(flag: str, words: str) -> Any:
    """Declare an option that takes a file to write; one that cannot be written is refused as for `json_option`.

    Args:
        flag: the option's name.
        words: its help.
    """

    def check(path: Path | None) -> Path | None:
        return _checked(path, flag)

    return typer.Option(flag, help=words, callback=check)


def write_json(path: Path | None, summary: BaseModel | Iterable[str], flag: str = _FLAG) -> None:
    """Write a summary as JSON, if asked for: whole or not at all, but for a pipe or a device.

    Args:
        path: the file that was asked for; its folder is made where a command did not.
        summary: what is written; or its text, in parts.
        flag: the option that asked for it.

    Raises:
        OptionError: if it cannot be written.
    """
    if path is None:
        return
    try:
        if not _is_replaceable(path):
            with path.open("w", encoding="utf-8") as file:
                file.writelines(_parts(summary))
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(summary, BaseModel):
            write_text(path, "".join(_parts(summary)))
        else:
            write_parts(path, summary)
    except OSError as error:
        raise OptionError(f"{flag} {path}: {error.strerror}; {_REMEDY}") from None


def _parts(summary: BaseModel | Iterable[str]) -> Iterable[str]:
    return (summary.model_dump_json(indent=1), "\n") if isinstance(summary, BaseModel) else summary


def _checked(path: Path | None, flag: str) -> Path | None:
    """Refuse a folder, and a file in a place that may not be written to."""
    if path is None:
        return None
    if path.is_dir():
        raise OptionError(f"{flag} {path} is a folder; name a file in it")
    place = path
    if _is_replaceable(path):
        place = next(folder for folder in path.absolute().parents if os.path.lexists(folder))
        if not place.is_dir():
            raise OptionError(f"{flag} {path}: {place} is no folder; {_REMEDY}")
    if not os.access(place, os.W_OK):
        raise OptionError(f"{flag} {path}: {place} may not be written to; {_REMEDY}")
    return path


def _is_replaceable(path: Path) -> bool:
    """Whether a path names a file or nothing yet; a link, such as /dev/stdout, and a pipe are written through."""
    return not os.path.lexists(path) or (path.is_file() and not path.is_symlink())
