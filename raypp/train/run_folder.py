"""A run folder belongs to one request: the same request resumes it, any other is refused."""

from pathlib import Path

from raypp.errors import ConflictError
from raypp.io.atomic import write_text


def open_run_folder(path: Path, text: str, otherwise: str) -> None:
    """Begin a run folder by writing its request, or check that it holds the same one.

    Args:
        path: the request's file in the folder; the folder is made.
        text: the request.
        otherwise: begin of the message if the folder holds another request.

    Raises:
        ConflictError: if the folder holds another request.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    elif path.read_text() != text:
        raise ConflictError(f"{otherwise}; use the same as before, or another `out`")
