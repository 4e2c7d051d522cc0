"""Label versions under another key: the same labels, of frames by their new names."""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from raypp.errors import ShardError
from raypp.rekey.rows import COLUMNS, FrameName, RowNames
from raypp.rekey.segment import RekeyedSegment
from raypp.rekey.worker import RekeyWorker
from raypp.shards.labels import LabelTable, write_labels

_BATCH_ROWS = 4096


class SampleNames(NamedTuple):
    """Names of all frames under either key, in one order."""

    old: pa.Array
    new: pa.Array


def sample_names(segments: Iterator[RekeyedSegment], worker: RekeyWorker) -> SampleNames:
    """Name every frame under either key; codes are not read.

    Raises:
        ShardError: if a shard is missing or damaged, or a row is of no planned source.
    """
    names: tuple[list[pa.Array], list[pa.Array]] = ([], [])
    for segment in segments:
        if segment.receipt.shard is None:
            continue
        rows = RowNames(segment.old, segment.new, worker.keys)
        for batch in worker.reader.shard(segment.receipt.shard, COLUMNS, _BATCH_ROWS):
            frames = [FrameName(**row) for row in batch.rows.to_pylist()]
            names[0].append(pa.array([frame.sample_id for frame in frames]))
            names[1].append(pa.array([rows.find(frame).sample_id for frame in frames]))
    return SampleNames(*(pa.concat_arrays([pa.array([], pa.string()), *some]) for some in names))


def write_rekeyed(table: LabelTable, names: SampleNames, worker: RekeyWorker) -> LabelTable:
    """Write a label version into the archive under the new key; writing it again changes nothing.

    Raises:
        ShardError: if it labels a frame that the archive does not have.
        ConflictError: if the version is there with other content.
    """
    samples = table.columns["sample_id"]
    places = pc.index_in(samples, value_set=names.old)
    if places.null_count:
        stranger = samples.filter(pc.is_null(places))[0]
        raise ShardError(
            f"labels {table.version} of {worker.settings.archive} are of sample {stranger}, which the archive does not "
            "have; run `raypp verify`, and remove that version"
        )
    place = table.columns.schema.get_field_index("sample_id")
    columns = table.columns.set_column(
        place, table.columns.schema.field(place), names.new.take(places.combine_chunks())
    )
    return write_labels(worker.store, table.version, table.classes, worker.header.veil_id, columns)
