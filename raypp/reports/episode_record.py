"""One episode as a row: the same fields as JSON, CSV and Parquet."""

import csv
import io
from collections.abc import Iterable
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from raypp.reports.wording import clock, iso
from raypp.text.csv_cells import as_cell
from raypp.usage.episode import Episode, EpisodeState
from raypp.usage.shifts import local


class EpisodeRecord(BaseModel):
    """One use of one tool, or one time in which safety equipment was worn; whole, also beyond a range."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    camera: str
    stream_epoch: int = Field(description="when the site's spool of that camera was made, microseconds since 1970")
    episode_id: str = Field(description="32 hex digits")
    tool: str
    station: str = Field(description="empty: the camera's whole frame")
    start: str = Field(description="local time with offset, ISO 8601")
    end: str = Field(description="likewise, exclusive; while it is open, the latest moment of use so far")
    start_us: int = Field(description="microseconds since 1970")
    end_us: int
    duration_s: float = Field(description="end minus start, seconds")
    seen_s: float = Field(description="seconds within it that the tool was seen in use; bridged breaks not counted")
    state: Literal["open", "provisional", "final"]
    reason: str | None = Field(description="why it ended, as in the report; none while it is open")


_STATES: dict[EpisodeState, Literal["open", "provisional", "final"]] = {
    EpisodeState.OPEN: "open",
    EpisodeState.PROVISIONAL: "provisional",
    EpisodeState.FINAL: "final",
}


def episode_record(episode: Episode, zone: ZoneInfo) -> EpisodeRecord:
    """An episode as a row, its local times in a site's zone."""
    return EpisodeRecord(
        site=episode.stream.site,
        camera=episode.stream.camera,
        stream_epoch=episode.stream.epoch,
        episode_id=episode.episode_id,
        tool=episode.tool,
        station=episode.station,
        start=iso(episode.start_us, zone),
        end=iso(episode.end_us, zone),
        start_us=episode.start_us,
        end_us=episode.end_us,
        duration_s=(episode.end_us - episode.start_us) / 1e6,
        seen_s=episode.seen_us / 1e6,
        state=_STATES[episode.state],
        reason=episode.reason.name.lower() if episode.reason else None,
    )


def as_csv(names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows under their names as CSV (RFC 4180); None becomes an empty field, and no cell is a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(names)
    writer.writerows(map(as_cell, row) for row in rows)
    return text.getvalue()


_FOR_PEOPLE = ("day", "start", "end", "tool", "station", "camera", "seconds", "certain")
_ISO = {"start": "start_iso", "end": "end_iso"}
_FOR_MACHINES = tuple(name for name in EpisodeRecord.model_fields if name not in {"tool", "station", "camera"})


def episodes_csv(episodes: Iterable[Episode], zone: ZoneInfo) -> str:
    """Episodes as CSV, in the order given: first columns that a spreadsheet reads, then those of `EpisodeRecord`."""
    names = (*_FOR_PEOPLE, *(_ISO.get(name, name) for name in _FOR_MACHINES))
    return as_csv(names, (_csv_row(episode, zone) for episode in episodes))


def _csv_row(episode: Episode, zone: ZoneInfo) -> tuple[object, ...]:
    record = episode_record(episode, zone)
    people = (
        f"{local(episode.start_us, zone):%Y-%m-%d}",
        clock(episode.start_us, zone),
        clock(episode.end_us, zone),
        record.tool,
        record.station,
        record.camera,
        round(record.duration_s, 1),
        "yes" if episode.state is EpisodeState.FINAL else "no",
    )
    return (*people, *(getattr(record, name) for name in _FOR_MACHINES))
