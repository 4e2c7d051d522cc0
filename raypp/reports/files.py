"""A report as files: JSON, CSV, Parquet and an image, each whole or not at all."""

from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import OptionError
from raypp.io.atomic import whole_file, write_parts
from raypp.reports.arrow_columns import ascii_column, chosen_texts, number_column
from raypp.reports.chart import chart_of
from raypp.reports.coverage_rows import coverage_rows
from raypp.reports.episode_record import as_csv, csv_parts
from raypp.reports.records import Recorded
from raypp.reports.report_json import json_parts
from raypp.usage.episode import CloseReason, EpisodeState
from raypp.usage.episodes import Episodes
from raypp.usage.report import Transition
from raypp.usage.steps import STATE_NAMES
from raypp.usage.timeline import UsageFigures

_STATES = [None, *(STATE_NAMES[state] for state in EpisodeState)]
_REASONS = [None, *(reason.name.lower() for reason in CloseReason)]
_COVERAGE = ("when", "day", "kind", "name", "used_s", "not_used_s", "observed_s", "not_observed_s", "reasons")


def write_files(figures: UsageFigures, recorded: Recorded, folder: Path) -> list[Path]:
    """Write report.json, episodes.csv and .parquet, transitions.csv, coverage.csv and timeline.png; return their paths.

    Raises:
        OptionError: if the folder cannot be made or written to.
    """
    from raypp.reports.timeline_image import save_image  # noqa: PLC0415 - matplotlib is slow to load, and an extra

    zone, episodes, report = recorded.settings.zone, recorded.episodes, figures.report
    coverage = (
        (
            *(getattr(row, name) for name in _COVERAGE[:-1]),
            "; ".join(f"{why} {s:g}" for why, s in row.reasons_s.items()),
        )
        for row in coverage_rows(report)
    )
    pairs = (pair.model_dump().values() for pair in report.transitions)
    texts: dict[str, Iterable[str]] = {
        "report.json": json_parts(figures),
        "episodes.csv": csv_parts(episodes, zone),
        "transitions.csv": [as_csv(Transition.model_fields, pairs)],
        "coverage.csv": [as_csv(_COVERAGE, coverage)],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, parts in texts.items():
            write_parts(folder / name, parts)
        with whole_file(folder / "episodes.parquet") as part:
            pq.write_table(episodes_table(episodes, zone), part, compression="zstd")
        save_image(
            chart_of(report, zone, episodes, recorded.stretches, colours=recorded.colours), folder / "timeline.png"
        )
    except OSError as error:
        raise OptionError(f"`out` {folder}: {error.strerror or error}; name a folder you may write to") from None
    return [folder / name for name in (*texts, "episodes.parquet", "timeline.png")]


def episodes_table(episodes: Episodes, zone: ZoneInfo) -> pa.Table:
    """Return episodes as an Arrow table; start and end are timestamps[us] in the site's zone."""
    lanes, whole, local = episodes.lanes, pa.int64(), pa.timestamp("us", tz=zone.key)
    epochs = np.array([stream.epoch for stream, _, _ in lanes], np.int64)
    return pa.table(
        {
            "site": chosen_texts([stream.site for stream, _, _ in lanes], episodes.lane),
            "camera": chosen_texts([stream.camera for stream, _, _ in lanes], episodes.lane),
            "stream_epoch": number_column(epochs[episodes.lane], whole),
            "episode_id": ascii_column(episodes.ids),
            "tool": chosen_texts([tool for _, tool, _ in lanes], episodes.lane),
            "station": chosen_texts([station for _, _, station in lanes], episodes.lane),
            "start": number_column(episodes.start_us, local),
            "end": number_column(episodes.end_us, local),
            "start_us": number_column(episodes.start_us, whole),
            "end_us": number_column(episodes.end_us, whole),
            "duration_s": number_column((episodes.end_us - episodes.start_us) / 1e6, pa.float64()),
            "seen_s": number_column(episodes.seen_us / 1e6, pa.float64()),
            "state": chosen_texts(_STATES, episodes.state),
            "reason": chosen_texts(_REASONS, episodes.reason),
        }
    )
