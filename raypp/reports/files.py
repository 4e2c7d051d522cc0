"""A report as files: JSON, CSV, Parquet and an image, each whole or not at all."""

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import OptionError
from raypp.io.atomic import whole_file, write_text
from raypp.reports.chart import chart_of
from raypp.reports.coverage_rows import coverage_rows
from raypp.reports.episode_record import as_csv, episode_record, episodes_csv
from raypp.reports.records import Recorded
from raypp.usage.episode import Episode
from raypp.usage.report import SiteReport, Transition

_TIMES = ("start", "end")
_SCHEMA = (
    ("site", pa.string()),
    ("camera", pa.string()),
    ("stream_epoch", pa.int64()),
    ("episode_id", pa.string()),
    ("tool", pa.string()),
    ("station", pa.string()),
    ("start", None),
    ("end", None),
    ("start_us", pa.int64()),
    ("end_us", pa.int64()),
    ("duration_s", pa.float64()),
    ("seen_s", pa.float64()),
    ("state", pa.string()),
    ("reason", pa.string()),
)
_COVERAGE = ("when", "day", "kind", "name", "used_s", "not_used_s", "observed_s", "not_observed_s", "reasons")


def write_files(report: SiteReport, recorded: Recorded, folder: Path) -> list[Path]:
    """Write report.json, episodes.csv and .parquet, transitions.csv, coverage.csv and timeline.png; return their paths.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    from raypp.reports.timeline_image import save_image  # noqa: PLC0415 - matplotlib is slow to load, and an extra

    zone, episodes = recorded.settings.zone, recorded.episodes
    chart = chart_of(report, zone, episodes, recorded.stretches, colours=recorded.colours)
    coverage = (
        (
            *(getattr(row, name) for name in _COVERAGE[:-1]),
            "; ".join(f"{why} {s:g}" for why, s in row.reasons_s.items()),
        )
        for row in coverage_rows(report)
    )
    texts = {
        "report.json": report.model_dump_json(indent=1) + "\n",
        "episodes.csv": episodes_csv(episodes, zone),
        "transitions.csv": as_csv(Transition.model_fields, (pair.model_dump().values() for pair in report.transitions)),
        "coverage.csv": as_csv(_COVERAGE, coverage),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_text(folder / name, text)
        with whole_file(folder / "episodes.parquet") as part:
            pq.write_table(episodes_table(episodes, zone), part, compression="zstd")
        save_image(chart, folder / "timeline.png")
    except OSError as error:
        raise OptionError(f"`out` {folder}: {error.strerror or error}; name a folder you may write to") from None
    return [folder / name for name in (*texts, "episodes.parquet", "timeline.png")]


def episodes_table(episodes: Sequence[Episode], zone: ZoneInfo) -> pa.Table:
    """Return episodes as an Arrow table; start and end are timestamps[us] in the site's zone."""
    rows = [episode_record(episode, zone).model_dump() for episode in episodes]
    for row in rows:
        row |= {"start": row["start_us"], "end": row["end_us"]}
    local = pa.timestamp("us", tz=zone.key)
    schema = pa.schema([(name, local if name in _TIMES else kind) for name, kind in _SCHEMA])
    return pa.Table.from_pylist(rows, schema=schema)
