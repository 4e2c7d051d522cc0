"""Sources that an earlier plan has: found again by place, size and time of change, or by identity if they moved."""

from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from raypp.errors import ConflictError
from raypp.ingest.plan import Duplicate, Rows, codes_of, places_of, rows_by_folder
from raypp.ingest.probing import SourceGroup

_WHERE = ("folder", "name", "size", "mtime_ns")
_UNSEEN = -1
_BATCH_ROWS = 1 << 16


class KnownSources:
    """Rows of a plan's sources, by place.

    Attributes:
        table: the rows; a video has one for each of its segments.
        seen: which source each row was found as, of all in order; -1 where it was not found.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.seen = np.full(table.num_rows, _UNSEEN)

    def take_out(self, group: SourceGroup) -> SourceGroup:
        """Return the files of a group that are not planned as they are now.

        Raises:
            ConflictError: if one is to be veiled otherwise than it was planned.
        """
        there = self._in_folder(group.folder)
        if not there:
            return group
        facts = zip(group.names, group.sizes, group.mtimes_ns, strict=True)
        rows = np.array([there.get(fact, _UNSEEN) for fact in facts], dtype=np.int64)
        known = rows != _UNSEEN
        self._check_unchanged(rows[known], group)
        self.seen[rows[known]] = np.array(group.places, dtype=np.int64)[known]
        return group.at(np.flatnonzero(~known).tolist())

    def url(self, row: int) -> str:
        """Return where a planned source was."""
        return url_of(self.table, row)

    def _in_folder(self, folder: str) -> dict[tuple[str, int, int | None], int]:
        """Rows of a folder's sources by name, size and time of change."""
        rows = self._folders.get(folder)
        if rows is None:
            return {}
        facts = [self.table.column(name).take(pa.array(rows)).to_pylist() for name in _WHERE[1:]]
        return dict(zip(zip(*facts, strict=True), rows.tolist(), strict=True))

    @cached_property
    def _folders(self) -> dict[str | None, Rows]:
        return rows_by_folder(self.table)

    def _codes(self, name: str) -> tuple[Rows, list[str | None]]:
        """Numbers of a column's words by row, and the words; that of none is the last."""
        return codes_of(self.table.column(name).combine_chunks())

    @cached_property
    def _stated(self) -> dict[str, tuple[Rows, list[str | None]]]:
        return {name: self._codes(name) for name in ("site", "camera", "mask_digest")}

    def _check_unchanged(self, rows: Rows, group: SourceGroup) -> None:
        for name, (codes, words) in self._stated.items():
            now = getattr(group, name)
            same = codes[rows] == (words.index(now) if now in words else -1)
            if same.all():
                continue
            row = rows[~same][0]
            stated = f'as {name} "{words[codes[row]]}", not "{now}"'
            change = "with another privacy mask" if name == "mask_digest" else stated
            raise ConflictError(f"{self.url(row)} was planned {change}; use the same as before, or another `out`")

    def relocated(self, rows: Rows, table: pa.Table, now: Rows) -> pa.Table:
        """Return all rows, some with their files where they are now; nothing that enters a shard changes.

        Args:
            rows: those that moved.
            table: what is new, with where they are.
            now: which row of that each one is.
        """
        if not len(rows):
            return self.table
        places = np.arange(self.table.num_rows)
        places[rows] = self.table.num_rows + now
        moved = pa.concat_tables([self.table.select(_WHERE), table.select(_WHERE)]).unify_dictionaries()
        moved = moved.take(pa.array(places))
        kept = self.table
        for name in _WHERE:
            kept = kept.set_column(kept.schema.get_field_index(name), kept.schema.field(name), moved.column(name))
        return kept


def url_of(table: pa.Table, row: int) -> str:
    """Return the URL of a row of sources."""
    return f"{table.column('folder')[row].as_py()}/{table.column('name')[row].as_py()}"


def sort_out(known: KnownSources, places: Rows, table: pa.Table) -> tuple[Rows, pa.Table, list[Duplicate]]:
    """Tell new sources from planned ones, which may have moved, and from copies of either.

    Args:
        known: planned sources, and which of them were found where they were.
        places: which one each new row is, of all sources in order.
        table: rows of sources that were found anew.

    Returns:
        Rows that are new, in the order of their identities; the planned sources as they are now; and copies.
    """
    order, leaders = by_identity(table)
    original: dict[int, str] = {}
    moved: dict[int, int] = {}
    duplicates: list[tuple[int, Duplicate]] = []
    if table.num_rows and known.table.num_rows:
        rows, again = places_of(known.table.column("identity"), table.column("identity"))
        known.seen[rows] = _latest(known.seen[rows], leaders[again], table.num_rows)
        for row, leader in zip(rows.tolist(), leaders[again].tolist(), strict=True):
            seen, place = int(known.seen[row]), int(places[leader])
            is_first = leader not in original  # of the rows of one source
            if seen == _UNSEEN or seen > place:
                moved[row] = leader
                known.seen[row] = place
                if is_first:
                    original[leader] = url_of(table, leader)
                if is_first and seen != _UNSEEN:
                    duplicates.append((seen, Duplicate(url=known.url(row), original=original[leader])))
            elif is_first:
                original[leader] = known.url(row)
                duplicates.append((place, Duplicate(url=url_of(table, leader), original=original[leader])))
    for row in np.flatnonzero(leaders != np.arange(len(leaders))).tolist():
        first = int(leaders[row])
        copy = Duplicate(url=url_of(table, row), original=original.get(first) or url_of(table, first))
        duplicates.append((int(places[row]), copy))
    fresh = order[(leaders[order] == order) & ~np.isin(order, list(original))]
    now = known.relocated(_rows(moved.keys()), table, _rows(moved.values()))
    return fresh, now, [copy for _, copy in sorted(duplicates, key=lambda numbered: numbered[0])]


def _latest(seen: Rows, sources: Rows, count: int) -> Rows:
    """Return for each row what any row of its source was found as: only one of them is looked up by its place."""
    latest = np.full(count, _UNSEEN)
    np.maximum.at(latest, sources, seen)
    return latest[sources]


def _rows(numbers: Any) -> Rows:
    return np.array(list(numbers), dtype=np.int64)


def by_identity(table: pa.Table) -> tuple[Rows, Rows]:
    """Return rows in the order of their identities, and for each row the first that has its identity."""
    count = table.num_rows
    column = table.column("identity").combine_chunks()
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    words = np.frombuffer(column.buffers()[1], ">u8").reshape(-1, 4)[column.offset : column.offset + count]
    order = np.lexsort(words.T[::-1])
    starts = np.ones(count, np.bool_)
    for start in range(1, count, _BATCH_ROWS):
        rows = order[start - 1 : start + _BATCH_ROWS]
        starts[start : start + _BATCH_ROWS] = (words[rows[1:]] != words[rows[:-1]]).any(axis=1)
    leaders = np.empty(count, np.int64)
    leaders[order] = order[np.maximum.accumulate(np.where(starts, np.arange(count), 0))]
    return order, leaders
