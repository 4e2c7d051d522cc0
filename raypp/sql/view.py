"""A view that queries may name: what it holds, and how its rows are read when a query does name it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

ROWS: Final = "{rows}"
"""What stands in a view's SQL for its rows."""


@dataclass(frozen=True)
class SqlView:
    """One view.

    Attributes:
        name: as queries name it.
        summary: what a row is, in a few words.
        schema: of the rows that `read` gives.
        read: gives the rows, a pyarrow Table or Dataset; it is called once, and only by a query that names the view.
        select: SQL that makes the view of the rows, which it names as `ROWS`.
    """

    name: str
    summary: str
    schema: pa.Schema
    read: Callable[[], Any]
    select: str = "select * from {rows}"


@dataclass(frozen=True)
class ViewColumn:
    """One column of a view.

    Attributes:
        name: its name.
        kind: its type in DuckDB's words, such as BIGINT.
    """

    name: str
    kind: str
