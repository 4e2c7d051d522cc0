"""A run folder belongs to one request: the same request resumes it, any other is refused."""

import re
from pathlib import Path

from pydantic import BaseModel, ValidationError

from raypp.errors import ConflictError
from raypp.execution import On
from raypp.io.atomic import write_text

_OF_RAY = "checkpoint_manager_snapshot.json"
"""File that Ray Train leaves beside its checkpoints."""


def open_run_folder(path: Path, request: BaseModel, otherwise: str) -> None:
    """Begin a run folder by writing its request, or check that it holds the same one.

    A request of an earlier raypp may lack fields that are new; they count as what they are by default.

    Args:
        path: the request's file in the folder; the folder is made.
        request: what is asked for.
        otherwise: begin of the message if the folder holds another request.

    Raises:
        ConflictError: if the folder holds another request.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, request.model_dump_json(indent=1) + "\n")
        return
    try:
        same = type(request).model_validate_json(path.read_text()) == request
    except ValidationError:
        same = False
    if not same:
        raise ConflictError(f"{otherwise}; use the same as before, or another `out`")


def begun_on_ray(folder: Path) -> bool:
    """Whether Ray Train keeps checkpoints in a folder."""
    return (folder / _OF_RAY).exists()


def checkpoints_here(folder: Path) -> list[Path]:
    """Return the checkpoints that trainings in one process left in a run's folder, by epoch."""
    return sorted(path for path in folder.glob("checkpoint_*") if re.fullmatch(r"checkpoint_\d{6}", path.name))


def require_same_place(run: str, begun: On | None, on: On) -> None:
    """Raise ConflictError if a run would not go on with its own checkpoints: Ray keeps them in its own way.

    Args:
        run: what goes on, for the message.
        begun: where it has checkpoints; None without any.
        on: where it would go on.
    """
    if begun is None or begun is on:
        return
    if begun is On.RAY:
        raise ConflictError(f"{run} was begun on Ray; go on there (`on` ray or auto), or choose another `out`")
    raise ConflictError(f"{run} was begun in one process; go on there (`on` local or auto), or choose another `out`")
