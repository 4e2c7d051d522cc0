"""The order of rows in a shard: frames of a source's view in order of time, each followed by all of its variants."""

from collections.abc import Iterator
from typing import NamedTuple

from raypp.shards.schema import ShardRow


class _Place(NamedTuple):
    timestamp_us: int
    variants: int
    variant: int


class RowOrder:
    """Looks at rows one after another and says what is out of order.

    Args:
        most_variants: how many variants a frame of the archive may have.
    """

    def __init__(self, most_variants: int) -> None:
        self._most = most_variants
        self._last: dict[tuple[str, str], _Place] = {}

    def add(self, row: ShardRow) -> Iterator[str]:
        """Take the next row; yields what is wrong with its place."""
        place, last = _Place(row.timestamp_us, row.variants, row.variant), self._last.get((row.source, row.camera))
        self._last[row.source, row.camera] = place
        if not 0 <= row.variant <= row.variants <= self._most:
            yield (
                f"sample {row.sample_id} is variant {row.variant} of {row.variants}, "
                f"but frames of this archive have {self._most} at most"
            )
        elif row.variant:
            if last != place._replace(variant=row.variant - 1):
                yield f"sample {row.sample_id} is variant {row.variant}, but does not follow the one before it"
        elif last is not None:
            yield from _missing(row.source, last)
            if row.timestamp_us <= last.timestamp_us:
                yield f"frames of {row.source} are not in order of time"

    def close(self) -> Iterator[str]:
        """Say which sources end with a frame that lacks variants."""
        for (source, _), last in self._last.items():
            yield from _missing(source, last)


def _missing(source: str, last: _Place) -> Iterator[str]:
    if last.variant < last.variants:
        yield f"the frame of {source} at {last.timestamp_us} us has {last.variant} variants, not {last.variants}"
