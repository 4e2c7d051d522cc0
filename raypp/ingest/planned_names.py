"""Which source of a plan a file is, by its folder and name; in columns, for as many as a plan has."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from raypp.ingest.plan import rows_by_folder


class PlannedNames:
    """Finds the names in shards of files that are planned.

    Args:
        sources: rows of a plan's sources.
    """

    def __init__(self, sources: pa.Table) -> None:
        self._names, self._sources = (sources.column(name).combine_chunks() for name in ("name", "source"))
        self._folders = rows_by_folder(sources)

    def sources_of(self, folder: str, names: Sequence[str]) -> pa.Array:
        """Return for each file of a folder its name in shards, or null if it is not planned.

        A file whose content has changed was planned more than once: the last time counts.
        """
        rows = self._folders.get(folder)
        if rows is None:
            return pa.nulls(len(names), self._sources.type)
        last_first = pa.array(rows[::-1])
        places = pc.index_in(pa.array(names, self._names.type), value_set=self._names.take(last_first))
        return self._sources.take(last_first).take(places)
