"""What label files held when they were last read, kept on the owner's side so that only changed ones are read again."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.io.atomic import whole_file
from raypp.media.dataset import LabelRead, ReadOutcome
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
_FACTS = ("name", "size", "mtime_ns")


class LabelFiles:
    """Remembers label files by folder, name, size and time of change; files of an unknown time are always read.

    Args:
        private: the owner's folder of the archive.
    """

    def __init__(self, private: Path) -> None:
        self._path = private / LABELS_FILE
        self._kept: list[pa.Table] = []

    def recall(self, run: Run, reading: str) -> Sequence[LabelRead | None]:
        """Return what each file held when it was last read in this way; None where it is to be read."""
        rows = self._last.get((run.folder, reading))
        if rows is None:
            return [None] * len(run.sizes)
        facts = zip(*(rows.column(name).to_pylist() for name in _FACTS), strict=True)
        columns = (rows.column(name).to_pylist() for name in LabelRead._fields)
        held = dict(zip(facts, map(LabelRead, *columns), strict=True))
        return [held.get(fact) for fact in zip(run.names, run.sizes, run.mtimes_ns, strict=True)]

    def keep(self, run: Run, reading: str, outcomes: Sequence[ReadOutcome]) -> None:
        """Remember what files held; those whose labels cannot be used are read again next time."""
        chosen = [at for at in range(len(outcomes)) if isinstance(outcomes[at], LabelRead) and run.mtime_ns(at)]
        if not chosen:
            return
        part = run.at(chosen)
        reads = [outcome for at in chosen if isinstance(outcome := outcomes[at], LabelRead)]
        words = [[word] * len(chosen) for word in (run.folder, reading)]
        columns = [*words, part.names, part.sizes, part.mtimes_ns, *zip(*reads, strict=True)]
        arrays = [pa.array(column, kind.type) for column, kind in zip(columns, _SCHEMA, strict=True)]
        self._kept.append(pa.Table.from_arrays(arrays, schema=_SCHEMA))

    def save(self) -> None:
        """Write what was kept, if it is other than before; call it only while holding the archive's lock."""
        kept = _by_folder(self._kept)
        if kept == self._last:
            return
        with (
            whole_file(self._path, private=True, durable=True) as part,
            pq.ParquetWriter(part, _SCHEMA, compression="zstd", write_statistics=False) as writer,
        ):
            for table in kept.values():
                writer.write_table(table)

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
        words = (table.column(name)[0].as_py() for name in ("folder", "reading"))
        parts.setdefault(tuple(words), []).append(table)
    return {words: pa.concat_tables(rows) for words, rows in parts.items()}
