"""Compliance with the rules of zones as files, JSON, CSV and Parquet, and violations as an Arrow table."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from raypp.reports.episode_record import as_csv
from raypp.reports.safety import SiteSafety
from raypp.reports.safety_record import SafetyReport, ViolationRecord, ZoneTotal
from raypp.reports.wording import iso
from raypp.reports.written_files import write_texts_and_tables
from raypp.usage.violation import CannotTell

_DOUBTS = tuple(f"{reason.name.lower()}_s" for reason in CannotTell)
_EXPOSURE = ("camera", "stream_epoch", "zone", "item", "start", "start_us", "worn_s", "not_worn_s", *_DOUBTS)
_TREND = ("day", *(name for name in ZoneTotal.model_fields if name != "reasons_s"))
_KINDS: dict[object, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64()}


def write_safety_files(safety: SiteSafety, report: SafetyReport, folder: Path) -> list[Path]:
    """Write safety.json, violations, exposure and the trend as CSV and Parquet, and trend.png; return their paths.

    Args:
        safety: what the report is made of.
        report: its rows.
        folder: where to.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    from raypp.reports.trend_image import save_trend  # noqa: PLC0415 - matplotlib is slow to load

    violations = (row.model_dump().values() for row in report.violations)
    texts = {
        "safety.json": report.model_dump_json(indent=1) + "\n",
        "violations.csv": as_csv(ViolationRecord.model_fields, violations),
        "exposure.csv": as_csv(_EXPOSURE, _exposure_rows(safety)),
        "trend.csv": as_csv(_TREND, _trend_rows(report)),
    }
    tables = {"violations.parquet": violations_table(report), "trend.parquet": _trend_table(report)}
    written = write_texts_and_tables(folder, texts, tables)
    save_trend(report, folder / "trend.png")
    return [*written, folder / "trend.png"]


def violations_table(report: SafetyReport) -> pa.Table:
    """Return violations as an Arrow table; start and end are timestamps[us] in the site's zone."""
    local = pa.timestamp("us", tz=ZoneInfo(report.time_zone).key)
    kinds = {name: _KINDS.get(field.annotation, pa.string()) for name, field in ViolationRecord.model_fields.items()}
    rows = [{**row.model_dump(), "start": row.start_us, "end": row.end_us} for row in report.violations]
    return pa.Table.from_pylist(rows, schema=pa.schema(list((kinds | {"start": local, "end": local}).items())))


def _trend_rows(report: SafetyReport) -> Iterator[tuple[object, ...]]:
    for day in report.days:
        for total in day.totals:
            yield (day.day, *(getattr(total, name) for name in _TREND[1:]))


def _trend_table(report: SafetyReport) -> pa.Table:
    """Return compliance by day as an Arrow table."""
    kinds = [pa.date32(), *(pa.string(),) * 4, *(pa.float64(),) * 5, pa.int64(), pa.float64()]
    rows = [(date.fromisoformat(str(day)), *rest) for day, *rest in _trend_rows(report)]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in _TREND]
    return pa.table(dict(zip(_TREND, map(pa.array, columns, kinds), strict=True)))


def _exposure_rows(safety: SiteSafety) -> Iterator[tuple[object, ...]]:
    zone = safety.recorded.settings.zone
    for row in safety.exposures:
        names = row.stream.camera, row.stream.epoch, row.zone, row.item
        times = (us / 1e6 for us in (row.worn_us, row.not_worn_us, *row.doubts_us))
        yield (*names, iso(row.start_us, zone), row.start_us, *times)
