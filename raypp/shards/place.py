"""Where an archive lies on this machine, for what must not go out with it."""

from pathlib import Path

from raypp.errors import OptionError
from raypp.shards.manifest import MANIFEST_FILE
from raypp.shards.schema import HEADER_FILE


def enclosing_archive(path: Path) -> Path | None:
    """Return the archive that a path is, or lies in, or None."""
    place = path.resolve()
    return next((folder for folder in (place, *place.parents) if _is_archive(folder)), None)


def refuse_within_archive(out: Path, what: str) -> None:
    """Raise OptionError if a folder would lie within an archive.

    Args:
        out: the folder that was asked for.
        what: what would leave the perimeter, such as "plain images".
    """
    archive = enclosing_archive(out)
    if archive is not None:
        raise OptionError(
            f"`out` {out} lies within the archive {archive}, and {what} would leave the perimeter with it; "
            "choose a folder elsewhere"
        )


def _is_archive(folder: Path) -> bool:
    # A file veil.json alone may be a spec.
    return (folder / HEADER_FILE).is_file() and ((folder / MANIFEST_FILE).is_file() or (folder / "shards").is_dir())
