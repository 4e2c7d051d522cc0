"""The table of a comparison: each arm beside plain images, with what it costs and how sure that is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from raypp.compare.arm import ArmRow
from raypp.compare.arm_kind import ArmKind
from raypp.evaluate.matching import SampleMatches

if TYPE_CHECKING:
    from raypp.compare.bootstrap import Interval  # needs ultralytics

Matches = Callable[[ArmRow], list[SampleMatches]]
"""Reads what an arm's detector found."""


class RelativeGap(BaseModel):
    """Loss against the reference, in percent of it, with its 95 % interval over images and seeds."""

    model_config = ConfigDict(frozen=True)

    percent: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: "Interval") -> "RelativeGap":
        """Take an interval of shares."""
        return cls(percent=100 * interval.value, low=100 * interval.low, high=100 * interval.high)


class TableLine(BaseModel):
    """One arm over its seeds."""

    model_config = ConfigDict(frozen=True)

    name: str
    seeds: tuple[int, ...]
    map50: float
    map50_95: float
    map50_by_seed: tuple[float, ...]
    gap50: RelativeGap | None = Field(
        description="against the reference; None for itself, and without one that finds anything"
    )
    gap50_95: RelativeGap | None
    step_ratio: float | None = Field(description="seconds of a training step over those of the reference")
    bytes_per_frame: float | None = Field(description="of shards; of JPEG files, for obscured images")
    size_ratio: float | None = Field(description="those bytes over those of the image files")
    frames_per_s: float | None = Field(description="frames veiled in a second on one core, once decoded")
    veil_to_decode: float | None = Field(description="time of veiling over that of decoding and resizing")
    wrong_key_share: float | None = Field(description="worst mAP50 under another key over its own")
    plain_input_share: float | None = Field(description="mAP50 on images quantised without a key over its own")


@dataclass(frozen=True)
class ComparisonTable:
    """Lines of all arms, the reference first if it is there."""

    lines: tuple[TableLine, ...]
    reference: str | None


def make_table(rows: Sequence[ArmRow], matches: Matches, replicates: int) -> ComparisonTable:
    """Gather rows of one dataset and schedule into a table.

    The reference is plain images with ultralytics' augmentation, or else whatever plain arm there is.

    Args:
        rows: the finished rows.
        matches: reads the matches of a row.
        replicates: bootstrap resamples.
    """
    groups: dict[str, list[ArmRow]] = {}
    for row in sorted(rows, key=lambda row: (list(ArmKind).index(row.arm.kind), row.arm.name, row.arm.seed)):
        groups.setdefault(row.arm.name, []).append(row)
    kinds = {name: group[0].arm.kind for name, group in groups.items()}
    wanted = (ArmKind.PLAIN, ArmKind.PLAIN_CELLS, ArmKind.ULTRALYTICS)
    reference = next((name for kind in wanted for name in groups if kinds[name] is kind), None)
    ordered = sorted(groups, key=lambda name: name != reference)
    against = groups[reference] if reference else None
    return ComparisonTable(tuple(_line(groups[name], against, matches, replicates) for name in ordered), reference)


def _line(group: list[ArmRow], reference: list[ArmRow] | None, matches: Matches, replicates: int) -> TableLine:
    first = group[0]
    gap50 = gap50_95 = None
    if reference is not None and reference is not group and any(row.map50 for row in reference):
        from raypp.compare.bootstrap import relative_gap  # noqa: PLC0415 - needs ultralytics, slow to import

        theirs, ours = ([matches(row) for row in rows] for rows in (reference, group))
        gap50, gap50_95 = map(RelativeGap.of, relative_gap(theirs, ours, replicates))
    own = mean(row.map50 for row in group)
    veil, hidden = first.veil, first.hidden
    wrong = [max(row.wrong_key_map50) for row in group if row.wrong_key_map50]
    bare = [row.plain_input_map50 for row in group if row.plain_input_map50 is not None]
    return TableLine(
        name=first.arm.name,
        seeds=tuple(row.arm.seed for row in group),
        map50=own,
        map50_95=mean(row.map50_95 for row in group),
        map50_by_seed=tuple(row.map50 for row in group),
        gap50=gap50,
        gap50_95=gap50_95,
        step_ratio=mean(row.step_s for row in group) / mean(row.step_s for row in reference) if reference else None,
        bytes_per_frame=hidden.bytes_per_frame if hidden else None,
        size_ratio=hidden.size_ratio if hidden else None,
        frames_per_s=veil.frames_per_s if veil else None,
        veil_to_decode=veil.veil_s / veil.decode_s if veil else None,
        wrong_key_share=max(wrong) / own if wrong and own else None,
        plain_input_share=max(bare) / own if bare and own else None,
    )


_COLUMNS: tuple[tuple[str, Callable[[TableLine], str]], ...] = (
    ("arm", lambda line: line.name),
    ("seeds", lambda line: str(len(line.seeds))),
    ("mAP50", lambda line: f"{line.map50:.3f}"),
    ("mAP50-95", lambda line: f"{line.map50_95:.3f}"),
    ("loss of mAP50 [95 %]", lambda line: _gap(line.gap50)),
    ("loss of mAP50-95 [95 %]", lambda line: _gap(line.gap50_95)),
    ("step time", lambda line: _ratio(line.step_ratio)),
    ("kB/frame", lambda line: "" if line.bytes_per_frame is None else f"{line.bytes_per_frame / 1e3:.1f}"),
    ("size/JPEG", lambda line: _ratio(line.size_ratio)),
    ("veil frames/s", lambda line: "" if line.frames_per_s is None else f"{line.frames_per_s:.0f}"),
    ("veil/decode", lambda line: _ratio(line.veil_to_decode)),
    ("wrong key", lambda line: _percent(line.wrong_key_share)),
    ("plain input", lambda line: _percent(line.plain_input_share)),
)


def table_cells(line: TableLine) -> list[str]:
    """Return a line as texts, in the order of `table_header`."""
    return [text(line) for _, text in _COLUMNS]


def table_header() -> list[str]:
    """Return the names of the columns."""
    return [name for name, _ in _COLUMNS]


def table_to_markdown(table: ComparisonTable) -> str:
    """Return the table as Markdown."""
    rows = [table_header(), ["---"] * len(_COLUMNS), *map(table_cells, table.lines)]
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def draw_table(table: ComparisonTable, path: Path) -> None:
    """Draw mAP50 and mAP50-95 of every arm as bars, each seed of mAP50 as a dot, into a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    lines = table.lines
    figure = Figure(figsize=(8, 1.2 + 0.5 * len(lines)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for place, line in enumerate(lines):
        axes.barh(place - 0.18, line.map50, 0.34, color="tab:blue", label=None if place else "mAP50")
        axes.barh(place + 0.18, line.map50_95, 0.34, color="tab:orange", label=None if place else "mAP50-95")
        axes.plot(line.map50_by_seed, [place - 0.18] * len(line.seeds), "k.", markersize=5)
        text = f"{line.map50:.3f}" + (f"   loses {_gap(line.gap50)}" if line.gap50 else "")
        axes.text(max(line.map50, 0.02) + 0.01, place - 0.18, text, va="center", fontsize=8)
    axes.set_yticks(range(len(lines)), [line.name for line in lines])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.25 * max([line.map50 for line in lines] + [0.1]) + 0.15)
    axes.set_xlabel("val split")
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=110)


def _gap(gap: RelativeGap | None) -> str:
    return "" if gap is None else f"{gap.percent:.1f} % [{gap.low:.1f}, {gap.high:.1f}]"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
