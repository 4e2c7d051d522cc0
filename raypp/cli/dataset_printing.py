"""Dataset versions as a terminal shows them."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from raypp.cli.tables import fitted, plain_table
from raypp.datasets.diff import Change, DatasetDiff, PlaceChange
from raypp.datasets.log import DatasetLog, LoggedVersion
from raypp.ledger.times import shown_time
from raypp.text.printable import printable
from raypp.text.wording import counted

_DIGITS = 12
_MOST_PLACES = 20
_HEADS = ("version", "written", "labels", "frames", "labelled", "boxes", "classes", "sources", "tags")
_NUMERIC = (3, 4, 5, 6, 7)


def print_log(console: Console, log: DatasetLog) -> None:
    """Print one line for each version, and what their splits and classes are."""
    if not log.versions:
        console.print(f"{log.archive} has no label version, and so no dataset version", markup=False)
        return
    console.print(fitted(_table(log)), highlight=False, markup=False)
    for version in log.versions:
        splits = ", ".join(f"{count:,} {name}" for name, count in sorted(version.splits.items())) or "no labelled frame"
        classes = ", ".join(map(printable, version.classes)) or "none"
        console.print(f"{version.version[:_DIGITS]}  {splits}; classes {classes}", highlight=False, markup=False)


def _table(log: DatasetLog) -> Table:
    table = plain_table(f"{log.archive}, veil {log.veil_id}", _HEADS, _NUMERIC)
    for version in log.versions:
        numbers = (version.frames, version.labelled, version.boxes, len(version.classes), version.sources)
        table.add_row(
            version.version[:_DIGITS],
            shown_time(version.written_us),
            version.labels,
            *(f"{number:,}" for number in numbers),
            _tags(version),
        )
    return table


def _tags(version: LoggedVersion) -> str:
    kept = "" if version.current else " (kept by its tag)"
    return (", ".join(version.tags) or "-") + kept


def diff_lines(diff: DatasetDiff) -> Iterator[str]:
    """Word what differs between two versions."""
    if diff.is_empty:
        yield f"both are version {diff.first}"
        return
    yield f"versions      {diff.first[:_DIGITS]} to {diff.second[:_DIGITS]}"
    yield f"frames        {_change(diff.frames)}"
    changed = f"{diff.relabelled:,} with other boxes, {diff.moved:,} in another split"
    yield f"labelled      {_change(diff.labelled)}; {changed}"
    yield f"boxes         {_change(diff.boxes)}"
    for name, split in diff.splits.items():
        yield f"split         {printable(name)}: {_change(split)}"
    for name, boxes in diff.classes.items():
        was = "not there" if boxes.before is None else counted(boxes.before, "box")
        now = "not there" if boxes.after is None else counted(boxes.after, "box")
        if was != now:
            yield f"class         {printable(name)}: {was} to {now}"
    if diff.renumbered:
        yield "classes       some have another number"
    for title, places in (("site", diff.sites), ("source", diff.sources)):
        for place in places[:_MOST_PLACES]:
            yield f"{title:<14}{_named(place)}: frames {_change(place.frames)}; labelled {_change(place.labelled)}"
        if len(places) > _MOST_PLACES:
            yield f"{title:<14}and {len(places) - _MOST_PLACES:,} more, which --json FILE has"


def _named(place: PlaceChange) -> str:
    return printable("/".join(part for part in (place.site, place.camera, place.source) if part is not None))


def _change(change: Change) -> str:
    return f"{change.before:,} to {change.after:,} (+{change.added:,} -{change.removed:,})"
