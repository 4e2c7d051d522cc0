"""Arguments that several functions of the API take."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raypp.progress import SILENT, LineProgress, Progress

if TYPE_CHECKING:
    from raypp.execution import ExecutionSettings
    from raypp.shards.encryption import DataKey

Say = Callable[[str], object]
"""Is called with one line of progress."""


def progress_of(say: Say | None) -> Progress:
    """Return what tells progress to a function; to nobody for None."""
    return SILENT if say is None else LineProgress(say)


def execution_of(on: "str | ExecutionSettings") -> "ExecutionSettings":
    """Return where work runs; raises OptionError for a word that is none."""
    from raypp.execution import ExecutionSettings  # noqa: PLC0415 - `import raypp` needs no pydantic

    return ExecutionSettings.of(on)


def path_of(path: str | Path | None) -> Path | None:
    """Return an optional path, which is given as text or as a path."""
    return None if path is None else Path(path)


def places_of(places: str | Path | Sequence[str | Path]) -> list[str]:
    """Return paths and URLs as text; one alone needs no list."""
    return [str(place) for place in ([places] if isinstance(places, str | Path) else places)]


def data_key_of(path: str | Path | None) -> "DataKey | None":
    """Read an optional data key; raises KeyFileError if the file is none."""
    from raypp.shards.encryption import DataKey  # noqa: PLC0415 - `import raypp` reads no key

    return None if path is None else DataKey.load(path)
