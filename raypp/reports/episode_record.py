"""One episode as a row: the same fields as JSON, CSV and Parquet."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from raypp.reports.wording import iso
from raypp.text.csv_cells import as_cell
from raypp.usage.episode import CloseReason, Episode, EpisodeState
from raypp.usage.episodes import Episodes
from raypp.usage.local_times import LocalTimes
from raypp.usage.steps import STATE_NAMES


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


_STATES = {int(state): name for state, name in STATE_NAMES.items()}
_REASONS = {0: ""} | {int(reason): reason.name.lower() for reason in CloseReason}
_CERTAIN = {int(state): "yes" if state is EpisodeState.FINAL else "no" for state in EpisodeState}
_AT_A_TIME = 8192


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
        state=STATE_NAMES[episode.state],
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
    return "".join(csv_parts(Episodes.of(episodes), zone))


def csv_parts(episodes: Episodes, zone: ZoneInfo) -> Iterator[str]:
    """Yield the text of `episodes_csv` in parts, so that it is never held as a whole."""
    yield as_csv((*_FOR_PEOPLE, *(_ISO.get(name, name) for name in _FOR_MACHINES)), ())
    for start in range(0, len(episodes), _AT_A_TIME):
        yield "".join(_csv_rows(episodes[start : start + _AT_A_TIME], zone))


def _csv_rows(episodes: Episodes, zone: ZoneInfo) -> Iterator[str]:
    starts, ends = LocalTimes(episodes.start_us, zone), LocalTimes(episodes.end_us, zone)
    lanes = [
        (_cells(tool, station, stream.camera), _cells(stream.site, stream.epoch))
        for stream, tool, station in episodes.lanes
    ]
    columns = zip(
        episodes.lane.tolist(),
        (name.decode() for name in episodes.ids.tolist()),
        starts.days(),
        starts.clocks(),
        ends.clocks(),
        starts.iso(),
        ends.iso(),
        episodes.start_us.tolist(),
        episodes.end_us.tolist(),
        ((episodes.end_us - episodes.start_us) / 1e6).tolist(),
        (episodes.seen_us / 1e6).tolist(),
        episodes.state.tolist(),
        episodes.reason.tolist(),
        strict=True,
    )
    for lane, name, day, start, end, start_iso, end_iso, start_us, end_us, lasted, seen, state, reason in columns:
        names, stream = lanes[lane]
        yield (
            f"{day},{start},{end},{names},{round(lasted, 1)},{_CERTAIN[state]},{stream},{name},{start_iso},{end_iso},"
            f"{start_us},{end_us},{lasted},{seen},{_STATES[state]},{_REASONS[reason]}\r\n"
        )


def _cells(*values: object) -> str:
    """Cells of a row of CSV, without its end."""
    return as_csv([str(as_cell(value)) for value in values], ()).removesuffix("\r\n")
