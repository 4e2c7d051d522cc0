"""Finding the labels of samples in a label table, by binary search over its sample_ids."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raypp.shards.labels import LabelTable

_IDS_AT_ONCE = 1 << 16

Places = npt.NDArray[np.int64]


class LabelIndex:
    """Finds the rows of samples in a label table; of a sample that is labelled twice, the last one.

    Args:
        table: the labels.
    """

    def __init__(self, table: LabelTable) -> None:
        self.columns = table.columns
        self._ids = table.columns["sample_id"]
        self._width = max(1, pc.max(pc.binary_length(self._ids)).as_py() or 0)
        ids = _fixed(self._ids, self._width)
        self._order: Places | None = None
        if (ids[1:] < ids[:-1]).any():  # as raypp writes them, they are sorted
            self._order = np.argsort(ids, kind="stable")
            ids = ids[self._order]
        self._sorted = ids

    def find(self, sample_ids: pa.Array) -> tuple[Places, Places]:
        """Return which of N samples are labelled, int64[M] in their order, and the rows of their labels, int64[M]."""
        if not len(self._sorted):
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        rows = np.searchsorted(self._sorted, _fixed(sample_ids, self._width), side="right") - 1
        rows = rows.clip(min=0)
        if self._order is not None:
            rows = self._order[rows]
        labelled = np.flatnonzero(pc.equal(self._ids.take(pa.array(rows)), sample_ids).to_numpy())
        return labelled, rows[labelled]


def _fixed(sample_ids: pa.Array | pa.ChunkedArray, width: int) -> npt.NDArray[np.bytes_]:
    """Return strings as bytes of one width: cut, or filled with zeros."""
    out = np.empty(len(sample_ids), dtype=f"S{width}")
    for start in range(0, len(out), _IDS_AT_ONCE):
        out[start : start + _IDS_AT_ONCE] = sample_ids.slice(start, _IDS_AT_ONCE).cast(pa.binary()).to_pylist()
    return out
