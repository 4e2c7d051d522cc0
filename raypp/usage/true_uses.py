"""True uses of tools in a video, as a person saw them: CSV files `tool,start_s,end_s`."""

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from raypp.errors import LabelError, OptionError
from raypp.io.atomic import write_bytes
from raypp.io.csv_rows import read_csv_rows
from raypp.text.csv_cells import as_cell, as_text
from raypp.usage.metrics import LabelledSpan

_COLUMNS = ("tool", "start_s", "end_s")
_LONGEST_NAME = 100
_MOST_DIGITS = 9
"""Of whole seconds: thirty years."""


@dataclass(frozen=True)
class TrueUse:
    """A use of a tool, from the first moment in use up to the first one no longer in use.

    Attributes:
        tool: what is used.
        start_us: in microseconds of presentation time since the video's start.
        end_us: likewise, not included; None for a use that is begun, and not ended yet.
        instance: which of several tools of a kind; empty where nobody tells them apart.
    """

    tool: str
    start_us: int
    end_us: int | None
    instance: str = ""

    @property
    def order(self) -> tuple[int, bool, int, str, str]:
        """Place among other uses: by start, end, tool and instance."""
        return self.start_us, self.end_us is None, self.end_us or 0, self.tool, self.instance

    def covers(self, time_us: int) -> bool:
        """Whether the tool is in use at a time."""
        return self.start_us <= time_us and (self.end_us is None or time_us < self.end_us)


def uses_path(video: Path) -> Path:
    """Return where the uses of a video lie: bench.uses.csv beside bench.mp4."""
    return video.with_suffix(".uses.csv")


def check_tools(tools: Sequence[str]) -> None:
    """Check names of tools, such as classes of a detector; raises OptionError naming the first that cannot be."""
    for number, tool in enumerate(tools):
        if not tool.strip() or tool != tool.strip() or not tool.isprintable() or len(tool) > _LONGEST_NAME:
            raise OptionError(
                f"`tools` {tool!r} is no name; give 1 to {_LONGEST_NAME} visible characters without blanks around them"
            )
        if tool in tools[:number]:
            raise OptionError(f"`tools` {tool!r} is named twice; name each tool once")


def true_spans(path: Path) -> list[LabelledSpan]:
    """Read true uses of tools as spans in seconds; errors as for `read_true_uses`, and for a use without end."""
    spans = []
    for use in read_true_uses(path):
        if use.end_us is None:
            raise LabelError(f"{path}: {use.tool} begins at {in_s(use.start_us)} s and never ends; mark its end")
        spans.append(LabelledSpan(use.tool, use.start_us / 1e6, use.end_us / 1e6))
    return spans


def read_true_uses(
    path: Path, tools: Collection[str] | None = None, video_end_us: int | None = None
) -> tuple[TrueUse, ...]:
    """Read true uses of tools, sorted.

    Args:
        path: a CSV with the columns tool, start_s and end_s; instance and others may follow.
        tools: those that may stand there; None for any.
        video_end_us: when the video ends, in microseconds since its start; None where that is not known.

    Raises:
        OptionError: if it cannot be read, is no CSV or lacks a column.
        LabelError: naming file and line, if a tool is unknown, a time is none, a use ends before it begins or beyond
            the video, or two uses of a tool overlap.
    """
    uses: list[TrueUse] = []
    lines: dict[TrueUse, int] = {}
    for line, row in enumerate(read_csv_rows(path, _COLUMNS), 2):
        try:
            use = TrueUse(
                as_text(row["tool"]),
                _microseconds("start_s", row["start_s"]),
                _microseconds("end_s", row["end_s"]) if row["end_s"] else None,
                row.get("instance") or "",
            )
        except ValueError as error:
            raise LabelError(f"{path}:{line}: {error}; correct the line") from None
        if tools is not None and use.tool not in tools:
            raise LabelError(f"{path}:{line}: tool {use.tool!r} is none of {', '.join(tools)}; name it with `tools`")
        uses.append(use)
        lines.setdefault(use, line)
    uses.sort(key=lambda use: use.order)
    fault = fault_of(uses, video_end_us)
    if fault:
        raise LabelError(f"{path}:{lines[fault[0]]}: {fault[1]}; correct the line")
    return tuple(uses)


def write_true_uses(path: Path, uses: Iterable[TrueUse]) -> None:
    """Write true uses of tools, sorted, whole or not at all, and on the disk when it returns; raises OSError.

    Instances of tools are not written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for use in sorted(uses, key=lambda use: use.order):
        end = "" if use.end_us is None else in_s(use.end_us)
        writer.writerow([as_cell(use.tool), in_s(use.start_us), end])
    write_bytes(path, text.getvalue().encode(), durable=True)


def fault_of(uses: Sequence[TrueUse], video_end_us: int | None) -> tuple[TrueUse, str] | None:
    """Return the first use that cannot be, with the reason; or None.

    Args:
        uses: sorted. One use of each tool may be begun and not ended, before or after others of it.
        video_end_us: as for `read_true_uses`.
    """
    last: dict[tuple[str, str], TrueUse] = {}
    begun: dict[tuple[str, str], TrueUse] = {}
    for use in uses:
        tool = use.tool, use.instance
        reason = _alone(use, video_end_us) or _beside(use, last.get(tool), begun.get(tool))
        if reason:
            return use, reason
        last[tool] = use
        if use.end_us is None:
            begun[tool] = use
    return None


def in_s(time_us: int) -> str:
    """Return a time as seconds with all six digits."""
    return f"{time_us // 1_000_000}.{time_us % 1_000_000:06}"


def _alone(use: TrueUse, video_end_us: int | None) -> str | None:
    if not use.tool:
        return "no tool is named"
    if use.end_us is not None and use.end_us <= use.start_us:
        return f"{use.tool} ends at {in_s(use.end_us)} s, and begins at {in_s(use.start_us)} s"
    last_us = use.start_us + 1 if use.end_us is None else use.end_us
    if video_end_us is not None and last_us > video_end_us:
        return f"{use.tool} is used up to {in_s(last_us)} s, and the video ends at {in_s(video_end_us)} s"
    return None


def _beside(use: TrueUse, before: TrueUse | None, begun: TrueUse | None) -> str | None:
    """Say why a use cannot be beside the one of its tool before it, and the one that is begun before it."""
    if begun and (use.end_us is None or use.start_us == begun.start_us):
        return f"{use.tool} begins at {in_s(begun.start_us)} s, and again at {in_s(use.start_us)} s"
    if before and before.end_us is not None and before.end_us > use.start_us:
        return f"{use.tool} begins at {in_s(use.start_us)} s, and is in use since {in_s(before.start_us)} s"
    return None


def _microseconds(column: str, text: str) -> int:
    """Return seconds as whole microseconds; raises ValueError naming the column."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0 or value.adjusted() >= _MOST_DIGITS:
        raise ValueError(f"{column} {text!r} is no time in seconds since the video's start")
    return round(value * 1_000_000)
