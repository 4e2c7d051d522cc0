"""What label files held when they were last read, kept on the owner's side so that only changed ones are read again."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.io.atomic import whole_file
from raypp.media.label_reads import LabelRead, LabelReads
from raypp.media.listing import Run
from raypp.shards.parquet import open_parquet

LABELS_FILE = "labels.parquet"
_SCHEMA = pa.schema(
    [
        ("folder", pa.string()),
        ("reading", pa.string()),
        ("name", pa.large_string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("boxes", pa.large_binary()),
        ("clipped", pa.int32()),
        ("repeated", pa.int32()),
    ],
    metadata={b"raypp labels": b"1"},
)
_FILES = pa.schema(list(_SCHEMA)[2:])
"""Columns of the files of one folder that are read in one way."""
_FACTS = ("name", "size", "mtime_ns")
_KEPT_ROWS = 2048


class LabelFiles:
    """Remembers label files by folder, name, size and time of change; files of an unknown time are always read.

    Args:
        private: the owner's folder of the archive.
    """

    def __init__(self, private: Path) -> None:
        self._path = private / LABELS_FILE
        self._kept: dict[tuple[str, str], list[pa.Table]] = {}

    def recall(self, run: Run, reading: str) -> Sequence[LabelRead | None]:
        """Return what each file held when it was last read in this way; None where it is to be read."""
        rows = self._last.get((run.folder, reading))
        if rows is None:
            return [None] * len(run.sizes)
        facts = zip(*(rows.column(name).to_pylist() for name in _FACTS), strict=True)
        columns = (rows.column(name).to_pylist() for name in LabelRead._fields)
        held = dict(zip(facts, map(LabelRead, *columns), strict=True))
        return [held.get(fact) for fact in zip(run.names, run.sizes, run.mtimes_ns, strict=True)]

    def keep(self, run: Run, reading: str, reads: LabelReads, start: int, *, recalled: bool) -> None:
        """Remember what a run's files held, the first of which is the read at `start`.

        Those whose labels cannot be used are read again next time. `recalled` says that none was read anew.
        """
        last = self._last.get((run.folder, reading))
        if recalled and last is not None and len(last) == len(run.sizes):
            self._kept.setdefault((run.folder, reading), []).append(last)
            return
        names = run.names
        for first in range(0, len(names), _KEPT_ROWS):
            rows = [
                (names[at], run.sizes[at], mtime_ns, *read)
                for at in range(first, min(first + _KEPT_ROWS, len(names)))
                if isinstance(read := reads[start + at], LabelRead) and (mtime_ns := run.mtime_ns(at))
            ]
            if rows:
                columns = zip(*rows, strict=True)
                arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _FILES, strict=True)]
                table = pa.Table.from_arrays(arrays, schema=_FILES)
                self._kept.setdefault((run.folder, reading), []).append(table)

    def save(self) -> None:
        """Write what was kept, if it is other than before; call it only while holding the archive's lock."""
        kept = {words: pa.concat_tables(parts) for words, parts in self._kept.items()}
        if kept == self._last:
            return
        with (
            whole_file(self._path, private=True, durable=True) as part,
            pq.ParquetWriter(part, _SCHEMA, compression="zstd", write_statistics=False) as writer,
        ):
            for words, table in kept.items():
                columns = [*(pa.repeat(pa.scalar(word), len(table)) for word in words), *table.columns]
                writer.write_table(pa.Table.from_arrays(columns, schema=_SCHEMA))

    @cached_property
    def _last(self) -> dict[tuple[str, str], pa.Table]:
        """Rows by folder and way of reading; none if there is no file of this version."""
        try:
            file = open_parquet(self._path)
            if not file.schema_arrow.equals(_SCHEMA, check_metadata=True):
                return {}
            groups = [file.read_row_group(number, use_threads=False) for number in range(file.num_row_groups)]
        except (OSError, pa.ArrowException):
            return {}  # it spares reading, and says nothing that the label files do not
        return _by_folder(groups)


def _by_folder(tables: Sequence[pa.Table]) -> dict[tuple[str, str], pa.Table]:
    parts: dict[tuple[str, str], list[pa.Table]] = {}
    for table in tables:
        folder, reading = (table.column(name)[0].as_py() for name in ("folder", "reading"))
        parts.setdefault((folder, reading), []).append(table.select(_FILES.names).replace_schema_metadata())
    return {words: pa.concat_tables(rows) for words, rows in parts.items()}
