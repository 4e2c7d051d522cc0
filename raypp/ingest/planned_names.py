"""Which source of a plan a file is, by its folder and name; in columns, for as many as a plan has."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from raypp.ingest.plan import Rows, rows_by_folder

_UNPLANNED = -1


class PlannedNames:
    """Finds files that are planned.

    Args:
        sources: rows of a plan's sources.
    """

    def __init__(self, sources: pa.Table) -> None:
        columns = (sources.column(name).combine_chunks() for name in ("name", "source", "identity"))
        self._names, self._sources, self._identities = columns
        self._folders = rows_by_folder(sources)
        self._places: dict[str, dict[str, int]] = {}

    def rows_of(self, folder: str, names: Sequence[str]) -> Rows:
        """Return for each file of a folder its row, or -1 if it is not planned.

        A file whose content has changed was planned more than once: the last time counts.
        """
        rows = self._folders.get(folder)
        if rows is None:
            return np.full(len(names), _UNPLANNED)
        if folder in self._places:  # images of a shuffled list come back to a folder again and again
            places = self._places[folder] = self._places[folder] or self._by_name(rows)
            return np.array([places.get(name, _UNPLANNED) for name in names], dtype=np.int64)
        self._places[folder] = {}
        last_first = rows[::-1]
        matches = pc.index_in(pa.array(names, self._names.type), value_set=self._names.take(pa.array(last_first)))
        at = matches.fill_null(_UNPLANNED).to_numpy(zero_copy_only=False)
        return np.where(at == _UNPLANNED, _UNPLANNED, last_first[at])

    def sources(self, rows: Rows) -> Iterator[tuple[str, bytes] | None]:
        """Yield the name in shards and the identity of the sources of rows; None for those of no plan."""
        planned = pa.array(rows, mask=rows == _UNPLANNED)
        columns = (column.take(planned).to_pylist() for column in (self._sources, self._identities))
        for source, identity in zip(*columns, strict=True):
            yield None if source is None else (source, identity)

    def _by_name(self, rows: Rows) -> dict[str, int]:
        return dict(zip(self._names.take(pa.array(rows)).to_pylist(), rows.tolist(), strict=True))
