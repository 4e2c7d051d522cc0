"""Files with one JSON value a line."""

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from raypp.errors import ContentError, TicketError
from raypp.io.content import read_content
from raypp.io.fault import first_fault
from raypp.io.json import read_json

_MOST_BYTES = 64_000_000
_MOST_LINE = 64_000

Value = TypeVar("Value", bound=BaseModel)


def read_lines(path: Path, model: type[Value], what: str) -> list[tuple[int, Value]]:
    """Read a file of values, each with the number of its line, from 1; empty lines are passed by.

    Args:
        path: the file.
        model: of each line.
        what: what the file is called in messages, such as "ticket file".

    Raises:
        TicketError: naming file, line and fault, if it cannot be read or a line is no such value.
    """
    try:
        content = read_content(path, _MOST_BYTES)
    except ContentError as error:
        raise TicketError(f"{what} {path} {error}; name a file that `raypp ticket` wrote") from None
    return list(parse_lines(content, model, f"{what} {path}"))


def parse_lines(content: bytes, model: type[Value], where: str) -> Iterator[tuple[int, Value]]:
    """Yield the values of lines, as `read_lines` returns them; raises TicketError."""
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            yield number, model.model_validate(read_json(line, most_bytes=_MOST_LINE))
        except ContentError as error:
            raise TicketError(f"{where}: line {number} {error}; get the file anew") from None
        except ValidationError as error:
            raise TicketError(f"{where}: line {number}: {first_fault(error)}; correct the line") from None


def to_line(value: BaseModel) -> bytes:
    """Return a value as a line of JSON, with its end; fields that are None are left out."""
    return value.model_dump_json(exclude_none=True).encode() + b"\n"
