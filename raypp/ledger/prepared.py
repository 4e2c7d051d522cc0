"""Statements that every commit runs, compiled once: to build one takes longer than to run it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement


class Prepared:
    """A statement, compiled when it first runs.

    Args:
        build: makes it for a dialect of SQLAlchemy, by the dialect's name.
        columns: of an insertion, those that get values.
    """

    def __init__(self, build: Callable[[str], Executable], columns: Sequence[str] | None = None) -> None:
        self._build = build
        self._columns = columns
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Run it with the values of its parameters; raises what SQLAlchemy raises."""
        text, order = self._for(connection)
        return connection.exec_driver_sql(
            text, dict(values) if order is None else tuple(values[name] for name in order)
        )

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Run it for each of some rows, one at least; return how many rows of the table it changed."""
        text, order = self._for(connection)
        if order is None:
            return connection.exec_driver_sql(text, [dict(row) for row in rows]).rowcount
        return connection.exec_driver_sql(text, [tuple(row[name] for name in order) for row in rows]).rowcount

    def _for(self, connection: Connection) -> tuple[str, list[str] | None]:
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            statement = self._build(dialect.name)
            if not isinstance(statement, ClauseElement):
                raise TypeError(f"{statement} is no statement that can be compiled")
            compiled = statement.compile(dialect=dialect, column_keys=self._columns)
            if not isinstance(compiled, SQLCompiler):
                raise TypeError(f"{statement} is no SQL")
            self._compiled[dialect.name] = compiled.string, compiled.positiontup
        return self._compiled[dialect.name]
