"""A veiled archive as a Ray dataset: one shard to a read task, joined with a label version if wanted."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial

import pyarrow as pa
import ray
from ray.data import Datasource
from ray.data.block import BlockMetadata
from ray.data.context import DataContext
from ray.data.datasource import ReadTask

from raypp.key_sources.place import KeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.label_index import LabelIndex
from raypp.shards.labels import LABEL_COLUMNS, read_labels
from raypp.shards.reader import ShardReader, join_labels
from raypp.shards.schema import SHARD_SCHEMA
from raypp.shards.store import Store

_BATCH_ROWS = 256


def read_archive(
    root: str,
    labels_version: str | None = None,
    columns: Sequence[str] | None = None,
    data_key_path: KeyPlace | None = None,
) -> ray.data.Dataset:
    """Return the frames of a finished archive as a Ray dataset, shard by shard in any order.

    Args:
        root: the archive, a folder or URL that every node reaches.
        labels_version: take only the frames that this version labels, with the columns `split` and `boxes`
            (class_id, x, y, w, h: centre and size, normalised to the letterboxed square).
        columns: columns of the shards to read; all if None. `code` stays packed: see `raypp.shards.reader.place_code`.
        data_key_path: data key of encrypted shards, read on the nodes that read shards.

    Raises:
        ShardError: if the archive has no manifest, no such label version, or is encrypted and no key was given.
    """
    source = ShardDatasource(root, labels_version, columns, data_key_path)
    dataset: ray.data.Dataset = ray.data.read_datasource(source)
    return dataset


class ShardDatasource(Datasource):
    """Shards of an archive; arguments and errors as for `read_archive`."""

    def __init__(
        self, root: str, labels_version: str | None, columns: Sequence[str] | None, data_key_path: KeyPlace | None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        reader = ShardReader(root, DataKey.load(data_key_path) if data_key_path else None)
        self._labelled = labels_version is not None
        if labels_version is not None:
            read_labels(reader.store, labels_version)
        self._receipts = [receipt for receipt in reader.manifest.receipts if receipt.shard]
        names = list(columns) if columns is not None else SHARD_SCHEMA.names
        if labels_version is not None and "sample_id" not in names:
            names = ["sample_id", *names]
        fields = [SHARD_SCHEMA.field(name) for name in names]
        self._schema = pa.schema([*fields, *(LABEL_COLUMNS if labels_version is not None else ())])
        self._read = partial(_read, root, labels_version, tuple(names), data_key_path, self._schema)

    def estimate_inmemory_data_size(self) -> int:
        """Bytes of all shards."""
        return sum(receipt.shard_bytes for receipt in self._receipts)

    def get_read_tasks(
        self,
        parallelism: int,  # noqa: ARG002 - one task a shard, whatever the cluster
        per_task_row_limit: int | None = None,  # noqa: ARG002
        data_context: DataContext | None = None,  # noqa: ARG002
    ) -> list[ReadTask]:
        """Return one task a shard."""
        return [self._task(receipt.shard, receipt.frames, receipt.shard_bytes) for receipt in self._receipts]

    def _task(self, shard: str | None, frames: int, size: int) -> ReadTask:
        read: Callable[[], Iterator[pa.Table]] = partial(self._read, shard)
        known = None if self._labelled else frames
        metadata = BlockMetadata(num_rows=known, size_bytes=size, input_files=None, exec_stats=None)
        return ReadTask(read, metadata, schema=self._schema)


def _read(
    root: str,
    labels_version: str | None,
    columns: tuple[str, ...],
    data_key_path: KeyPlace | None,
    schema: pa.Schema,
    shard: str,
) -> Iterator[pa.Table]:
    reader = ShardReader(root, DataKey.load(data_key_path) if data_key_path else None)
    for batch in reader.shard(shard, columns, _BATCH_ROWS):
        if labels_version is None:
            yield pa.Table.from_batches([batch.rows.select(list(columns))])
            continue
        chosen, joined = join_labels(batch, _labels(root, labels_version, data_key_path))
        frames = pa.Table.from_batches([chosen.rows.select(list(columns))])
        arrays = [*frames.columns, *(joined[field.name] for field in LABEL_COLUMNS)]
        yield pa.Table.from_arrays(arrays, schema=schema)


@lru_cache(maxsize=2)
def _labels(root: str, version: str, data_key_path: KeyPlace | None) -> LabelIndex:
    """Labels by sample; a version never changes, so one reading serves all tasks of a process."""
    return LabelIndex(read_labels(Store(root, DataKey.load(data_key_path) if data_key_path else None), version))
