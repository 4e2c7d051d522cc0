"""A folder of results is of one thing that was asked for: it is gone on with, or refused to any other."""

from pathlib import Path

from raypp.errors import ConflictError
from raypp.io.atomic import write_text


def claim(path: Path, text: str, otherwise: str) -> None:
    """Write what was asked for into a folder, which is made, or check that it is the same as before.

    Args:
        path: the file in the folder.
        text: what was asked for.
        otherwise: what to say if it was something else.

    Raises:
        ConflictError: if it was something else.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    elif path.read_text() != text:
        raise ConflictError(f"{otherwise}; use the same as before, or another `out`")
