"""A Ray Data source of batches of segments: few read tasks hand on many, for a task costs more than a batch does."""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
from ray.data import Datasource
from ray.data.block import BlockMetadata
from ray.data.context import DataContext
from ray.data.datasource import ReadTask

from raypp.ingest.batches import batch_to_row
from raypp.ingest.segment import Segment

_SCHEMA = pa.schema([("batch", pa.binary())])
_TASK_BYTES = 256 << 10
"""Batches of one read task: Ray has all tasks in its store from the beginning, and warns of large ones."""


class BatchDatasource(Datasource):
    """Yields each batch as one row; decoding happens where the row is consumed.

    Args:
        batches: the segments of each.
    """

    def __init__(self, batches: Iterable[Sequence[Segment]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._tasks = list(_tasks(map(batch_to_row, batches)))

    @property
    def tasks(self) -> int:
        """How many read tasks there are."""
        return len(self._tasks)

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all rows."""
        return sum(len(row) for rows in self._tasks for row in rows)

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 - as many as their bytes ask for, whatever the cluster
        per_task_row_limit: int | None = None,  # noqa: ARG002
        data_context: DataContext | None = None,  # noqa: ARG002
    ) -> list[ReadTask]:
        """Return the read tasks."""
        return [_read_task(rows) for rows in self._tasks]


def _tasks(rows: Iterable[bytes]) -> Iterator[list[bytes]]:
    task: list[bytes] = []
    filled = 0
    for row in rows:
        if task and filled + len(row) > _TASK_BYTES:
            yield task
            task, filled = [], 0
        task.append(row)
        filled += len(row)
    if task:
        yield task


def _read_task(rows: list[bytes]) -> ReadTask:
    def read() -> Iterator[pa.Table]:
        for row in rows:
            yield pa.table({"batch": [row]}, schema=_SCHEMA)

    size = sum(map(len, rows))
    return ReadTask(
        read,
        BlockMetadata(num_rows=len(rows), size_bytes=size, input_files=None, exec_stats=None),
        schema=_SCHEMA,
    )
