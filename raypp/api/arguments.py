"""Arguments that several functions of the API take."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from raypp.progress import SILENT, LineProgress, Progress

if TYPE_CHECKING:
    from raypp.execution import ExecutionSettings

Say = Callable[[str], object]
"""Is called with one line of progress."""


def progress_of(say: Say | None) -> Progress:
    """Return what tells progress to a function; to nobody for None."""
    return SILENT if say is None else LineProgress(say)


def execution_of(on: "str | ExecutionSettings") -> "ExecutionSettings":
    """Return where work runs; raises OptionError for a word that is none."""
    from raypp.execution import ExecutionSettings  # noqa: PLC0415 - `import raypp` needs no pydantic

    return ExecutionSettings.of(on)
