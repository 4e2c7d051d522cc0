"""A Ray Data source with one segment to a read task, so that one long file is as parallel as many short ones."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
from ray.data import Datasource
from ray.data.block import BlockMetadata
from ray.data.context import DataContext
from ray.data.datasource import ReadTask

from raypp.ingest.segment import Segment

_SCHEMA = pa.schema([("segment", pa.string())])


class SegmentDatasource(Datasource):
    """Yields each segment as one row of JSON; decoding happens where the row is consumed."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._rows = [segment.model_dump_json() for segment in segments]

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all rows."""
        return sum(len(row) for row in self._rows)

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 - one task a segment, whatever the cluster
        per_task_row_limit: int | None = None,  # noqa: ARG002
        data_context: DataContext | None = None,  # noqa: ARG002
    ) -> list[ReadTask]:
        """Return one task a segment."""
        return [_read_task(row) for row in self._rows]


def _read_task(row: str) -> ReadTask:
    def read() -> Iterator[pa.Table]:
        yield pa.table({"segment": [row]}, schema=_SCHEMA)

    metadata = BlockMetadata(num_rows=1, size_bytes=len(row), input_files=None, exec_stats=None)
    return ReadTask(read, metadata, schema=_SCHEMA)
