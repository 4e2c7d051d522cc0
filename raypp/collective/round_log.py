"""The log of a training in a folder: a line of JSON for each thing that happened, of coordinators and of sites."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.errors import CollectiveError, ContentError
from raypp.io.content import read_content

LOG_FILE = "rounds.jsonl"
_MOST_BYTES = 100_000_000


class RoundEvent(BaseModel):
    """Something that happened in a training.

    Attributes:
        at: when, ISO 8601 in UTC.
        round, attempt: in which attempt.
        event: in a few words.
        sites: whom it is about.
    """

    model_config = ConfigDict(frozen=True)

    at: str
    round: int
    attempt: int
    event: str
    sites: tuple[str, ...] = ()


class RoundLog:
    """Appends to the log in a folder, to the disk.

    Args:
        folder: it is there.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_FILE

    def add(self, round_number: int, attempt: int, event: str, sites: tuple[str, ...] = ()) -> None:
        """Append an event."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        line = RoundEvent(at=at, round=round_number, attempt=attempt, event=event, sites=sites).model_dump_json()
        with self._path.open("a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_round_log(folder: Path) -> tuple[RoundEvent, ...]:
    """Read the log in a folder, empty where nothing has happened; a last line that a crash cut is left out.

    Raises:
        CollectiveError: if it cannot be read, or a line is none of it.
    """
    if not (folder / LOG_FILE).exists():
        return ()
    try:
        lines = read_content(folder / LOG_FILE, _MOST_BYTES).decode(errors="replace").splitlines(keepends=True)
    except ContentError as error:
        raise CollectiveError(f"{folder / LOG_FILE} {error}; restore the file") from None
    events = []
    for number, line in enumerate(lines, 1):
        if not line.endswith("\n"):
            break
        try:
            events.append(RoundEvent.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            raise CollectiveError(f"{folder / LOG_FILE}: line {number} is damaged; restore the file") from None
    return tuple(events)
