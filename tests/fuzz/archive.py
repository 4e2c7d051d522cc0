"""Files of an archive, odd in their bytes, rows or metadata, and their readers."""

import io
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

from tests.fuzz.mutation import altered, mutated, written


@cache
def _archive() -> dict[str, bytes]:
    from raypp.geometry.boxes import Box
    from raypp.shards.labels import SampleLabels, write_labels
    from raypp.shards.manifest import compile_manifest
    from raypp.shards.store import Store
    from tests.shards.archives import VEIL_ID, header, row, write_segment

    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        store.write_atomic("veil.json", header().to_bytes())
        receipt = write_segment(store, 1, [row(number) for number in range(6)])
        compile_manifest(store, header())
        labels = [SampleLabels(f"{number:032x}", "train", (Box(0, 0.5, 0.5, 0.1, 0.1),)) for number in range(6)]
        write_labels(store, "v1", ("hammer", "saw"), VEIL_ID, labels)
        names = {"shard": receipt.shard, "manifest": "manifest.parquet", "labels": "labels/v1/labels.parquet"}
        return {name: store.read(place) for name, place in names.items()}


def parquet(name: str) -> Callable[[Random], bytes]:
    """Odd bytes of a right file; or a right file of odd rows, or of odd metadata."""

    def make(random: Random) -> bytes:
        import pyarrow as pa
        import pyarrow.parquet as pq

        content = _archive()[name]
        if random.random() < 0.5:
            return mutated(content, random)
        table = pq.ParquetFile(io.BytesIO(content)).read(use_threads=False)
        rows = table.to_pylist()
        metadata = dict(table.schema.metadata or {})
        if random.random() < 0.5:
            metadata[b"raypp"] = written(altered(json.loads(metadata[b"raypp"]), random), random)
        else:
            rows = [altered(row, random) if random.random() < 0.3 else row for row in rows]
        buffer = io.BytesIO()
        try:
            table = pa.Table.from_pylist(rows, schema=table.schema if random.random() < 0.7 else None)
            pq.write_table(table.replace_schema_metadata(metadata), buffer, compression="zstd")
        except (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError):
            return mutated(content, random)
        return buffer.getvalue()

    return make


def read_shard(path: Path) -> object:
    from raypp.api import describe_file
    from raypp.shards.reader import ShardReader

    (path.parent / "manifest.parquet").write_bytes(_archive()["manifest"])
    describe_file(path)
    return [batch.codes().shape for batch in ShardReader(str(path.parent)).shard(path.name)]


def read_archive(path: Path) -> object:
    from raypp.api import describe_file
    from raypp.shards.labels import list_versions, read_labels
    from raypp.shards.store import Store

    describe_file(path)
    store = Store(str(path.parents[2] if path.name.startswith("labels") else path.parent))
    if path.name.startswith("labels"):
        return [read_labels(store, version) for version in list_versions(store)]
    return describe_file(path.parent)
