"""DuckDB, locked: it reads what is registered with it, and no file, no network, no extension and no Python object.

Operators run queries that others wrote. So its access to everything else is off, and its configuration is locked
before a query is looked at. It keeps nothing on the disk either: what does not fit into memory ends as an error.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import duckdb
import pyarrow as pa

from raypp.errors import OptionError
from raypp.sql.view import ROWS, SqlView, ViewColumn
from raypp.text.wording import counted

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
}
_LOCK = ("set TimeZone = 'UTC'", "set lock_configuration = true")
_BATCH_ROWS = 4096
_WORD = re.compile(r"\w+")
_NO_TABLE = re.compile("^Catalog Error: Table with name (\\S+) does not exist")
_REMEDY = "`raypp sql --views` with the same places lists views and columns"


_Value = TypeVar("_Value")


@dataclass(frozen=True)
class QueryRows:
    """Rows that a query gives.

    Attributes:
        schema: of the batches.
        batches: computed while they are taken, once.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


class SqlEngine:
    """Runs queries over some views; a context that closes it.

    Args:
        views: what queries may name.
        memory: the most that a query may take, such as 4GB; None: four fifths of what this machine has.

    Raises:
        OptionError: if `memory` is no size.
    """

    def __init__(self, views: Sequence[SqlView], memory: str | None = None) -> None:
        self._views = {view.name: view for view in views}
        self._open: set[str] = set()
        try:
            self._connection = duckdb.connect(":memory:", config=_CONFIG | ({"memory_limit": memory} if memory else {}))
        except duckdb.Error:
            raise OptionError(f"`memory` {memory!r} is no size; give one such as 4GB") from None
        for setting in _LOCK:
            self._connection.execute(setting)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def columns(self, name: str) -> tuple[ViewColumn, ...]:
        """Return the columns of a view, in their order; none of its rows is read."""
        view = self._views[name]
        rows = f"columns of {name}"
        self._connection.register(rows, view.schema.empty_table())
        described = self._connection.execute(f"describe {view.select.replace(ROWS, _quoted(rows))}").fetchall()
        self._connection.unregister(rows)
        return tuple(ViewColumn(row[0], row[1]) for row in described)

    def run(self, query: str) -> "QueryRows":
        """Run one query that reads; its rows are computed while they are taken.

        Args:
            query: one SELECT, or DESCRIBE, SUMMARIZE, SHOW, FROM or VALUES.

        Raises:
            OptionError: if it is no such query, names what is not there, fails, or does not fit into memory; also
                while rows are taken.
            ShardError, LedgerError: if what it names cannot be read.
        """
        with self._one_line():
            self._check(query)
            for name in sorted(self._named_in(query)):
                self._register(name)
        reader = self._computed(lambda: self._connection.sql(query).to_arrow_reader(_BATCH_ROWS))
        return QueryRows(reader.schema, iter(lambda: self._computed(partial(next, reader, None)), None))

    def _computed(self, work: Callable[[], _Value]) -> _Value:
        """Do a part of a query's work on a thread, so that Ctrl-C reaches this one, which has DuckDB stop."""
        with self._one_line(), ThreadPoolExecutor(1) as thread:
            future = thread.submit(work)
            try:
                return future.result()
            except KeyboardInterrupt:
                self._connection.interrupt()
                raise

    @contextmanager
    def _one_line(self) -> Iterator[None]:
        """Say in one line what DuckDB says in several, with a caret under the place."""
        try:
            yield
        except duckdb.OutOfMemoryException:
            raise OptionError(
                "the query needs more memory than it may take; group or filter, take fewer columns, or raise `memory`"
            ) from None
        except duckdb.CatalogException as error:
            raise OptionError(f"{_unknown(str(error), self._views)}; {_REMEDY}") from None
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise OptionError(f"the query fails: {_first_part(str(error))}; {_REMEDY}") from None

    def _check(self, query: str) -> None:
        statements = self._connection.extract_statements(query)
        if len(statements) != 1:
            raise OptionError(f"the query has {counted(len(statements), 'statement')}; give one")
        kind = statements[0].type
        if kind == duckdb.StatementType.MULTI:
            raise OptionError("a query is one statement, and PIVOT is that only with its values: `... on x in (...)`")
        if kind != duckdb.StatementType.SELECT:
            raise OptionError(f"a query only reads, and this is {kind.name.lower()}; give one SELECT")

    def _named_in(self, query: str) -> set[str]:
        """Name the views that a query needs; where DuckDB cannot tell (`join ... using`), all whose names it holds."""
        try:
            names = self._connection.get_table_names(query)
        except duckdb.BinderException:
            names = set(_WORD.findall(query))
        return ({name.lower() for name in names} & self._views.keys()) - self._open

    def _register(self, name: str) -> None:
        view = self._views[name]
        rows = f"rows of {name}"
        self._connection.register(rows, view.read())
        select = view.select.replace(ROWS, _quoted(rows))
        self._connection.execute(f"create temporary view {_quoted(name)} as {select}")
        self._open.add(name)


def _unknown(words: str, views: Iterable[str]) -> str:
    """Word that a query names what there is not; DuckDB knows no view before a query names it."""
    if match := _NO_TABLE.match(words):
        return f"there is no view {match[1]}; there are {', '.join(views)}"
    return f"the query fails: {_first_part(words)}"


def _first_part(words: str) -> str:
    return " ".join(words.partition("\n\nLINE ")[0].split()).removesuffix("!")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
