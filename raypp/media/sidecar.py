"""Label sidecars of videos: `video.labels.csv` beside `video.mp4`."""

import csv
import io
from bisect import bisect_left
from dataclasses import dataclass

from raypp.errors import LabelError
from raypp.geometry.boxes import Box
from raypp.media.annotations.boxes import fit, from_centre, to_box
from raypp.media.annotations.rows import to_numbers

HEADER = ["time_s", "class", "x", "y", "w", "h"]

Named = tuple[str, Box]


@dataclass(frozen=True)
class Sidecar:
    """Annotated moments of one video.

    Attributes:
        times_us: annotated presentation times, sorted, in microseconds.
        boxes: for each, the named boxes; empty for a moment annotated as empty.
    """

    times_us: tuple[int, ...]
    boxes: tuple[tuple[Named, ...], ...]

    @property
    def classes(self) -> frozenset[str]:
        """Names of all classes that occur."""
        return frozenset(name for moment in self.boxes for name, _ in moment)

    def boxes_at(self, timestamp_us: int, tolerance_us: int) -> tuple[Named, ...] | None:
        """Return the boxes of the nearest annotated moment within the tolerance, or None if there is none."""
        after = bisect_left(self.times_us, timestamp_us)
        near = [i for i in (after - 1, after) if 0 <= i < len(self.times_us)]
        best = min(near, key=lambda i: abs(self.times_us[i] - timestamp_us), default=None)
        if best is None or abs(self.times_us[best] - timestamp_us) > tolerance_us:
            return None
        return self.boxes[best]


def read_sidecar(text: str, where: str) -> Sidecar:
    """Read a sidecar: CSV with the header time_s,class,x,y,w,h.

    Boxes are centre, width and height, normalised to the frame; class is a name. A row with a time and nothing else
    says that the moment was looked at and is empty.

    Raises:
        LabelError: naming the file and line.
    """
    try:
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    except csv.Error as error:
        raise LabelError(f"label sidecar {where} is no CSV ({error}); export it again") from None
    if not rows or [cell.strip() for cell in rows[0]] != HEADER:
        raise LabelError(f"label sidecar {where} must begin with the header {','.join(HEADER)}")
    moments: dict[int, list[Named]] = {}
    for line, row in enumerate(rows[1:], 2):
        if not row:
            continue
        place = f"{where}:{line}"
        if len(row) != len(HEADER):
            raise LabelError(f"{place}: {len(row)} columns, must be {len(HEADER)}")
        try:
            time_us = round(float(row[0]) * 1_000_000)
        except (ValueError, OverflowError):
            raise LabelError(f"{place}: time {row[0]!r} is no number of seconds") from None
        if time_us < 0:
            raise LabelError(f"{place}: time {row[0]} lies before the video's start; correct or remove the row")
        moment = moments.setdefault(time_us, [])
        if not row[1].strip() and any(cell.strip() for cell in row[2:]):
            raise LabelError(f"{place}: a box without a class; name its class or empty the row's box")
        if row[1].strip():
            x, y, w, h = to_numbers(row[2:], place)
            edges, _ = fit(from_centre(x, y, w, h), place)
            moment.append((row[1].strip(), to_box(0, edges)))
    times = tuple(sorted(moments))
    return Sidecar(times, tuple(tuple(moments[time]) for time in times))
