"""Executions as files, JSON, CSV and Parquet, and as an Arrow table."""

from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from raypp.reports.episode_record import as_csv
from raypp.reports.execution_record import ExecutionRecord, ExecutionsReport, StepRecord
from raypp.reports.written_files import write_texts_and_tables

_TEXT, _TEXTS = pa.string(), pa.list_(pa.string())
_WHOLE = tuple(name for name in ExecutionRecord.model_fields if name != "steps")
_STEP = tuple(StepRecord.model_fields)


def write_execution_files(report: ExecutionsReport, folder: Path) -> list[Path]:
    """Write executions.json, executions.csv, execution-steps.csv and executions.parquet; return their paths.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    texts = {
        "executions.json": report.model_dump_json(indent=1) + "\n",
        "executions.csv": as_csv(_WHOLE, (_cells(row, _WHOLE) for row in report.executions)),
        "execution-steps.csv": as_csv(
            ("execution_id", "procedure", *_STEP),
            (
                (row.execution_id, row.procedure, *_cells(step, _STEP))
                for row in report.executions
                for step in row.steps
            ),
        ),
    }
    return write_texts_and_tables(folder, texts, {"executions.parquet": executions_table(report)})


def executions_table(report: ExecutionsReport) -> pa.Table:
    """Return executions as an Arrow table; start and end are timestamps[us] in the site's zone, steps a list."""
    local = pa.timestamp("us", tz=ZoneInfo(report.time_zone).key)
    moment = {"start": local, "end": local, "start_us": pa.int64(), "end_us": pa.int64(), "duration_s": pa.float64()}
    step = {"step": _TEXT, "time": pa.int64(), "verdicts": _TEXTS, "tool": _TEXT, "station": _TEXT}
    step |= {**moment, "episodes": _TEXTS, "note": _TEXT}
    whole = {"execution_id": _TEXT, "procedure": _TEXT, "cameras": _TEXTS, "station": _TEXT, **moment}
    whole |= {"median_s": pa.float64(), "outcome": _TEXT, "open": pa.bool_(), "fitness": pa.float64()}
    whole |= {"untold_steps": pa.int64()}
    whole |= {"verdicts": _TEXTS, "overlaps": _TEXTS, "note": _TEXT, "steps": pa.list_(pa.struct(list(step.items())))}
    rows = [row.model_dump() for row in report.executions]
    for timed in (*rows, *(step for row in rows for step in row["steps"])):
        timed["start"], timed["end"] = timed["start_us"], timed["end_us"]
    return pa.Table.from_pylist(rows, schema=pa.schema(list(whole.items())))


def _cells(row: ExecutionRecord | StepRecord, names: Iterable[str]) -> list[object]:
    values = (getattr(row, name) for name in names)
    return ["; ".join(value) if isinstance(value, list) else value for value in values]
