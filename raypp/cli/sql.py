"""The `raypp sql` command."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from raypp.cli.commands import require_packages
from raypp.cli.console import error_console
from raypp.cli.json_file import file_option, json_option, write_json
from raypp.cli.ledger import LedgerUrl, opened_ledgers, say
from raypp.cli.options import DataKeyFile
from raypp.cli.tables import plain_table
from raypp.errors import OptionError
from raypp.io.filesystem import is_url
from raypp.text.printable import printable
from raypp.text.wording import counted

if TYPE_CHECKING:
    from raypp.sql.engine import QueryRows, SqlEngine
    from raypp.sql.view import SqlView

_STDIN = "-"
_WIDEST = 10_000


def sql(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ARCHIVE]... [QUERY]",
            help="Veiled archives, folders or URLs, and then the query; - reads it from standard input.",
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Read the query from this file.")] = None,
    views: Annotated[bool, typer.Option("--views", help="List views and their columns; run no query.")] = False,
    ledger: LedgerUrl = None,
    labels: Annotated[
        list[str] | None, typer.Option(help="Label version (default: the only one of each archive); repeat.")
    ] = None,
    site: Annotated[list[str] | None, typer.Option(help="Only this site of the ledger; repeat.")] = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", help="Begin of the period, as for `raypp report` (default: all that is kept)."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="Its end; a day is meant up to its end.")] = None,
    data_key: DataKeyFile = None,
    memory: Annotated[
        str | None, typer.Option(help="Most memory of the query, such as 4GB (default: four fifths of the machine's).")
    ] = None,
    rows: Annotated[int, typer.Option(help="Rows to print at most.", min=1)] = 100,
    json_file: Annotated[Path | None, json_option("all rows")] = None,
    csv_file: Annotated[Path | None, file_option("--csv", "Write all rows here as CSV.")] = None,
    parquet_file: Annotated[Path | None, file_option("--parquet", "Write all rows here as Parquet.")] = None,
    partitions: Annotated[
        Path | None, typer.Option(help="Bring this folder to all rows: Parquet, partitioned by a column as Hive does.")
    ] = None,
    by: Annotated[str, typer.Option(help="Column that --partitions are by: dates, whole numbers or texts.")] = "day",
) -> None:
    """Query veiled archives, their labels, and the episodes and reports of a ledger, in DuckDB's SQL.

    A query reads the views that --views lists, and nothing else: no file, no network, no extension. Times are in UTC.

    Example: raypp sql veiled "select site, count(*) from frames group by site"

    Example: raypp sql --ledger sqlite:///ledger.db "select tool, sum(duration_s) from uses group by tool"

    Example: raypp sql veiled --views

    Example: raypp sql veiled --file query.sql --parquet rows.parquet

    Example: raypp sql --ledger sqlite:///ledger.db "select * from episodes" --partitions episodes --by day
    """
    from raypp.sql.engine import SqlEngine

    if sum(path is not None for path in (json_file, csv_file, parquet_file, partitions)) > 1:
        raise OptionError("--json, --csv, --parquet and --partitions each take the rows; give one of them")
    archives, query = _archives_and_query(words or [], file, views=views)
    if not archives and not ledger:
        raise OptionError("nothing to query; name a veiled archive, or a ledger by --ledger")
    with ExitStack() as stack:
        known = [
            *_archive_views(archives, data_key, labels or ()),
            *_ledger_views(stack, ledger, (tuple(site or ()), from_, to)),
        ]
        engine = stack.enter_context(SqlEngine(known, memory))
        if query is None:
            _print_views(engine, known)
            return
        result = engine.run(query)
        if json_file or csv_file or parquet_file:
            _write(result, json_file, csv_file, parquet_file)
        elif partitions:
            _write_partitions(result, partitions, by)
        else:
            _print_rows(result, rows)


def _archives_and_query(words: list[str], file: Path | None, *, views: bool) -> tuple[list[str], str | None]:
    """Tell the archives from the query, which is the last word unless a file has it; None: only views are listed."""
    if views:
        if file:
            raise OptionError("--views runs no query; leave --file out")
        return words, None
    if file:
        return words, _read_query(file)
    if not words:
        raise OptionError("no query; give it last, in quotation marks, or by --file")
    *archives, query = words
    if query == _STDIN:
        return archives, sys.stdin.read()
    if Path(query).exists():
        raise OptionError(f"no query behind {query}; give one in quotation marks, or by --file")
    return archives, query


def _read_query(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == _STDIN else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8"
        raise OptionError(f"--file {file}: {reason}; name a file that has the query") from None


def _archive_views(archives: Sequence[str], data_key: str | None, labels: Sequence[str]) -> "tuple[SqlView, ...]":
    from raypp.shards.encryption import DataKey
    from raypp.sql.archive_views import ArchiveRows

    if not archives:
        if labels:
            raise OptionError("--labels is of an archive; name one")
        return ()
    _keep_threads_few(archives)
    return ArchiveRows(archives, DataKey.load(data_key) if data_key else None, labels).views()


def _keep_threads_few(archives: Sequence[str]) -> None:
    """Have Arrow begin no thread that this short process could end under (apache/arrow#34314); far stores need some."""
    import pyarrow as pa

    pa.set_cpu_count(1)
    if not any(map(is_url, archives)):
        pa.set_io_thread_count(1)


def _ledger_views(
    stack: ExitStack, ledger: str | None, of: tuple[tuple[str, ...], str | None, str | None]
) -> "tuple[SqlView, ...]":
    if not ledger:
        if any(of):
            raise OptionError("--site, --from and --to are of a ledger; name one by --ledger")
        return ()
    require_packages(("sqlalchemy", "alembic"), "sql --ledger")
    from raypp.sql.ledger_views import LedgerRows

    return LedgerRows(lambda: stack.enter_context(opened_ledgers(ledger)), *of).views()


def _write(result: "QueryRows", json_file: Path | None, csv_file: Path | None, parquet: Path | None) -> None:
    from raypp.sql.results import check_columns, rows_as_csv, rows_as_json, write_parquet

    check_columns(result.schema)
    if json_file:
        write_json(json_file, rows_as_json(result))
    if csv_file:
        write_json(csv_file, rows_as_csv(result), "--csv")
    if parquet:
        write_parquet(result, parquet)


def _write_partitions(result: "QueryRows", folder: Path, by: str) -> None:
    from raypp.sql.partitioned import write_partitions
    from raypp.sql.results import check_columns

    check_columns(result.schema)
    changes = write_partitions(result, folder, by)
    counts = f"{changes.written} written, {changes.unchanged} unchanged, {changes.removed} removed"
    error_console().print(f"partitions by {by}: {counts}", highlight=False, markup=False)


def _print_rows(result: "QueryRows", most: int) -> None:
    """Print the first rows as a table as wide as they are: whoever pipes it would not want lines to be broken."""
    from raypp.sql.results import is_number, rows_of, shown_value

    numeric = [place for place, kind in enumerate(result.schema.types) if is_number(kind)]
    table = plain_table("", [printable(name) for name in result.schema.names], numeric)
    table.title = None
    rows = rows_of(result)
    shown = list(islice(rows, most))
    for row in shown:
        table.add_row(*(Text(shown_value(value)) for value in row))
    Console(width=_WIDEST).print(table)
    more = " and more, which --json, --csv and --parquet write, and --rows shows" if next(rows, None) else ""
    error_console().print(f"{counted(len(shown), 'row')}{more}", highlight=False, markup=False)


def _print_views(engine: "SqlEngine", views: "Sequence[SqlView]") -> None:
    for view in views:
        say(f"{view.name}: {view.summary}")
        for column in engine.columns(view.name):
            say(f"  {column.name:<20} {column.kind}")
