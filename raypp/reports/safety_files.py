"""Compliance with the rules of zones as files, JSON, CSV and Parquet, and violations as an Arrow table."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa

from raypp.reports.episode_record import as_csv
from raypp.reports.safety import SiteSafety
from raypp.reports.safety_record import SafetyReport, ViolationRecord
from raypp.reports.wording import iso
from raypp.reports.written_files import write_texts_and_table
from raypp.usage.violation import CannotTell

_DOUBTS = tuple(f"{reason.name.lower()}_s" for reason in CannotTell)
_EXPOSURE = ("camera", "stream_epoch", "zone", "item", "start", "start_us", "worn_s", "not_worn_s", *_DOUBTS)
_KINDS: dict[object, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64()}


def write_safety_files(safety: SiteSafety, report: SafetyReport, folder: Path) -> list[Path]:
    """Write safety.json, violations.csv, exposure.csv and violations.parquet; return their paths.

    Args:
        safety: what the report is made of.
        report: its rows.
        folder: where to.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    violations = (row.model_dump().values() for row in report.violations)
    texts = {
        "safety.json": report.model_dump_json(indent=1) + "\n",
        "violations.csv": as_csv(ViolationRecord.model_fields, violations),
        "exposure.csv": as_csv(_EXPOSURE, _exposure_rows(safety)),
    }
    return write_texts_and_table(folder, texts, "violations.parquet", violations_table(report))


def violations_table(report: SafetyReport) -> pa.Table:
    """Return violations as an Arrow table; start and end are timestamps[us] in the site's zone."""
    local = pa.timestamp("us", tz=ZoneInfo(report.time_zone).key)
    kinds = {name: _KINDS.get(field.annotation, pa.string()) for name, field in ViolationRecord.model_fields.items()}
    rows = [{**row.model_dump(), "start": row.start_us, "end": row.end_us} for row in report.violations]
    return pa.Table.from_pylist(rows, schema=pa.schema(list((kinds | {"start": local, "end": local}).items())))


def _exposure_rows(safety: SiteSafety) -> Iterator[tuple[object, ...]]:
    zone = safety.recorded.settings.zone
    for row in safety.exposures:
        names = row.stream.camera, row.stream.epoch, row.zone, row.item
        times = (us / 1e6 for us in (row.worn_us, row.not_worn_us, *row.doubts_us))
        yield (*names, iso(row.start_us, zone), row.start_us, *times)
