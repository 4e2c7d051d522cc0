"""Label versions of several sources as one: sources number their classes as they like, so classes go by their names."""

from collections.abc import Sequence
from dataclasses import replace

from raypp.errors import LabelError
from raypp.shards.labels import LabelTable, SampleLabels


def join_versions(tables: Sequence[LabelTable]) -> tuple[tuple[str, ...], list[SampleLabels]]:
    """Join label versions of one archive.

    Args:
        tables: the versions, at least one.

    Returns:
        Names of all classes, in the order in which they come first, and all rows, whose boxes are numbered by them.

    Raises:
        LabelError: if two versions label one frame.
    """
    classes = tuple(dict.fromkeys(name for table in tables for name in table.classes))
    rows: dict[str, SampleLabels] = {}
    for table in tables:
        numbers = [classes.index(name) for name in table.classes]
        for row in table.rows:
            if row.sample_id in rows:
                raise LabelError(
                    f"label version {table.version} has frame {row.sample_id}, which another one has, too; join "
                    "versions of different frames"
                )
            boxes = tuple(replace(box, class_id=numbers[box.class_id]) for box in row.boxes)
            rows[row.sample_id] = replace(row, boxes=boxes)
    return classes, [*rows.values()]
