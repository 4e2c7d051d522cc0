"""Queries that others wrote: they read views, and reach nothing else."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from raypp.errors import OptionError
from raypp.sql.engine import SqlEngine
from raypp.sql.results import rows_of
from raypp.sql.view import SqlView

_SCHEMA = pa.schema([("tool", pa.string()), ("used_s", pa.float64())])
_TABLE = pa.table({"tool": ["hammer", "saw", "hammer"], "used_s": [1.0, 2.0, 4.0]}, schema=_SCHEMA)
_SECRET = "the-secret-of-a-file"


def _engine(reads: list[str], memory: str | None = None) -> SqlEngine:
    def read(name: str) -> pa.Table:
        reads.append(name)
        return _TABLE

    views = [SqlView(name, "a use", _SCHEMA, lambda name=name: read(name)) for name in ("uses", "others")]
    return SqlEngine(views, memory)


@pytest.fixture
def reads() -> list[str]:
    return []


@pytest.fixture
def engine(reads: list[str]) -> Iterator[SqlEngine]:
    with _engine(reads) as engine:
        yield engine


def _rows(engine: SqlEngine, query: str) -> list[tuple[object, ...]]:
    return list(rows_of(engine.run(query)))


@pytest.mark.parametrize(
    "query",
    [
        "select tool, sum(used_s) from uses group by tool order by tool",
        "with sums as (select tool, sum(used_s) from Uses group by tool) select * from sums order by tool;",
        "select * from query('select tool, sum(used_s) from uses group by tool order by tool')",
    ],
)
def test_a_query_reads_the_views_that_it_names_and_no_other(engine: SqlEngine, reads: list[str], query: str) -> None:
    assert _rows(engine, query) == [("hammer", 5.0), ("saw", 2.0)]
    assert reads == ["uses"]
    assert _rows(engine, query) == [("hammer", 5.0), ("saw", 2.0)]
    assert reads == ["uses"]


def test_columns_are_listed_without_reading(engine: SqlEngine, reads: list[str]) -> None:
    assert [(column.name, column.kind) for column in engine.columns("uses")] == [
        ("tool", "VARCHAR"),
        ("used_s", "DOUBLE"),
    ]
    assert reads == []


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_text('{file}')",
        "select * from read_blob('{file}')",
        "select * from read_csv('{file}')",
        "select * from sniff_csv('{file}')",
        "select * from '{file}'",
        "select * from glob('{folder}/*')",
        "select * from read_parquet('{folder}/*.parquet')",
        "select * from parquet_metadata('{folder}/rows.parquet')",
        "select * from query('select * from read_text(''{file}'')')",
        "select * from read_json('https://127.0.0.1:9/x')",
        "select getenv('HOME')",
        "select * from enable_logging('QueryLog', storage = 'file', storage_path = '{folder}/new')",
        "select * from enable_profiling(save_location := '{folder}/new')",
        "select * from duckdb_secrets()",
        "copy (select 1) to '{folder}/new'",
        "export database '{folder}/new'",
        "attach '{folder}/new' as other",
        "install httpfs",
        "load httpfs",
        "create table new as select 1",
        "create persistent secret new (type s3)",
        "insert into uses values ('axe', 1)",
        "drop view uses",
        "set enable_external_access = true",
        "reset lock_configuration",
        "pragma enable_logging",
        "call enable_logging()",
        "select 1; set enable_external_access = true; select 2",
        "select * from _TABLE",
        "select * from environ",
    ],
)
def test_a_query_reaches_no_file_no_network_no_extension_and_no_python(
    engine: SqlEngine, tmp_path: Path, query: str
) -> None:
    environ = pa.table({"name": list(os.environ)})
    file = tmp_path / "secret.csv"
    file.write_text(f"name\n{_SECRET}\n")
    with pytest.raises(OptionError) as caught:
        _rows(engine, query.format(file=file, folder=tmp_path))
    assert _SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert environ.num_rows
    assert _rows(engine, "select count(*) from uses") == [(3,)], "the engine is as it was"


def test_the_same_reading_is_possible_where_nothing_locks_it(tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "secret.csv").write_text(f"name\n{_SECRET}\n")
    (row,) = duckdb.connect(":memory:").execute(f"from read_csv('{tmp_path}/secret.csv')").fetchall()
    assert row == (_SECRET,)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("select nothing from uses", 'Referenced column "nothing" not found'),
        ("select * from nowhere", "there is no view nowhere; there are uses, others"),
        ("selec 1", 'syntax error at or near "selec"'),
        ("", "the query has 0 statements"),
        ("select 1; select 2", "the query has 2 statements"),
        ("pivot uses on tool using sum(used_s)", "PIVOT is that only with its values"),
        ("update uses set tool = 'axe'", "a query only reads, and this is update"),
        ("select 'a'::int from uses", "Could not convert string 'a' to INT32"),
        ("select $1", "Values were not provided"),
        ("select list(x) from range(10000000) r(x)", "needs more memory than it may take"),
    ],
)
def test_what_is_wrong_with_a_query_is_said_in_one_line(query: str, words: str) -> None:
    with _engine([], "20MB") as engine, pytest.raises(OptionError) as caught:
        _rows(engine, query)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_size_that_is_none_is_said() -> None:
    with pytest.raises(OptionError, match="`memory` 'much' is no size"):
        _engine([], "much")


def test_pivot_with_its_values_is_one_statement(engine: SqlEngine) -> None:
    query = "from (pivot uses on tool in ('hammer', 'saw') using sum(used_s))"
    assert _rows(engine, query) == [(5.0, 2.0)]


def test_times_are_in_utc_wherever_it_runs(engine: SqlEngine) -> None:
    assert _rows(engine, "select make_timestamptz(0)::varchar") == [("1970-01-01 00:00:00+00",)]
