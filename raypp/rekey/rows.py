"""Rows of a segment under either key: what each is of, and its name under the new one."""

from typing import NamedTuple

from raypp.errors import ShardError
from raypp.ingest.archive_id import sample_id
from raypp.ingest.segment import Item, Segment
from raypp.media.camera_views import View
from raypp.veil.key import VeilKey


class FrameName(NamedTuple):
    """Columns that say which frame a row is; fields as in `ShardRow`."""

    sample_id: str
    camera: str
    source: str
    timestamp_us: int
    variant: int


COLUMNS = FrameName._fields
"""Columns of the shards that a row is found by."""


class RowOrigin(NamedTuple):
    """Origin of a row under both keys.

    Attributes:
        place: of its source among the segment's under the new key.
        old, new: the source under either key.
        view: the view of the source's frame.
        sample_id: the row's under the new key.
    """

    place: int
    old: Item
    new: Item
    view: View
    sample_id: str


class RowNames:
    """Finds what rows of a segment are of.

    Args:
        old, new: the segment under either key.
        keys: the owner's old key, and the new one.
    """

    def __init__(self, old: Segment, new: Segment, keys: tuple[VeilKey, VeilKey]) -> None:
        self._keys = keys
        places = {item.url: place for place, item in enumerate(new.items)}
        self._sources: dict[tuple[str, str], list[tuple[Item, int, View]]] = {}
        for item in old.items:
            for view in item.all_views:
                self._sources.setdefault((item.source, view.camera), []).append((item, places[item.url], view))
        self._new = new.items

    def find(self, row: FrameName) -> RowOrigin:
        """Find what a row is of; raises ShardError if its sample_id is that of no frame of the segment's sources."""
        old, new = self._keys
        for item, place, view in self._sources.get((row.source, row.camera), ()):
            if _sample_id(old, item, row, view) == row.sample_id:
                renamed = self._new[place]
                return RowOrigin(place, item, renamed, view, _sample_id(new, renamed, row, view))
        raise ShardError(
            f"sample {row.sample_id} is of no source that its segment was planned with; run `raypp verify`"
        )


def _sample_id(key: VeilKey, item: Item, row: FrameName, view: View) -> str:
    return sample_id(key, item.site, bytes.fromhex(item.identity), row.timestamp_us, row.variant, view.name)
