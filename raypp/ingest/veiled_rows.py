"""Rows of an archive's shards by their source, in columns: a hundred bytes a row, where objects take a thousand."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raypp.ingest.label_placing import LabelledRow
from raypp.shards.reader import ShardReader

_COLUMNS = tuple(LabelledRow.__dataclass_fields__)
_BATCH_ROWS = 4096
_KEY_BYTES = 16
_ROWS = pa.schema(
    [
        ("sample_id", pa.large_string()),
        ("site", pa.dictionary(pa.int32(), pa.string())),
        ("camera", pa.dictionary(pa.int32(), pa.string())),
        ("timestamp_us", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("variant", pa.int8()),
    ]
)


class VeiledRows:
    """Finds the rows of a source, without their codes.

    Args:
        reader: of the archive, all of whose shards are read.
    """

    def __init__(self, reader: ShardReader) -> None:
        tables, keys = [_ROWS.empty_table()], [np.empty(0, f"S{_KEY_BYTES}")]
        for batch in reader.iterate(columns=_COLUMNS, batch_size=_BATCH_ROWS):
            tables.append(pa.table(batch.rows.select(_ROWS.names)).cast(_ROWS))
            keys.append(_keys(batch.rows.column("source").to_pylist()))
        self._rows = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
        together = np.concatenate(keys)
        self._order = np.argsort(together, kind="stable")
        self._keys = together[self._order]

    def of(self, sources: Sequence[str]) -> Iterator[list[LabelledRow]]:
        """Yield the rows of each source, in the order of shards; make them for some thousand sources at a time."""
        keys = _keys(sources)
        firsts, ends = (np.searchsorted(self._keys, keys, side) for side in ("left", "right"))
        places = [self._order[first:end] for first, end in zip(firsts, ends, strict=True)]
        rows = iter(self._rows.take(pa.array(np.concatenate([np.empty(0, np.int64), *places]))).to_pylist())
        for source, members in zip(sources, places, strict=True):
            yield [LabelledRow(source=source, **next(rows)) for _ in members]

    def of_one(self, source: str) -> list[LabelledRow]:
        """Return the rows of one source, in the order of shards."""
        return next(self.of([source]))


def _keys(sources: Sequence[str]) -> npt.NDArray[np.bytes_]:
    """Names of any length as keys of one length."""
    digests = [blake2b(source.encode(), digest_size=_KEY_BYTES).digest() for source in sources]
    return np.array(digests, dtype=f"S{_KEY_BYTES}")
