"""The frames of a dataset version by their names: where each was taken, and which are labelled; codes are not read."""

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from raypp.datasets.version import DatasetVersion, check_shards
from raypp.errors import ShardError
from raypp.shards.reader import ShardReader

_COLUMNS = ("sample_id", "site", "camera", "source", "variant")
_BATCH_ROWS = 4096
_BETWEEN = "\0"
_SCHEMA = pa.schema([("sample_id", pa.string()), ("place", pa.dictionary(pa.int32(), pa.string()))])


@dataclass(frozen=True)
class CapturePlace:
    """Where frames were taken.

    Attributes:
        site: of the camera.
        camera: None for a whole site.
        source: pseudonym of the file; None for a whole site.
    """

    site: str
    camera: str | None = None
    source: str | None = None


@dataclass(frozen=True, repr=False)
class VersionFrames:
    """Frames of a dataset version, without variants.

    Attributes:
        frames: `sample_id` and `place` of all of them.
        labels: rows of the label table.
        classes: names of the classes, by class_id.
    """

    frames: pa.Table
    labels: pa.Table
    classes: tuple[str, ...]

    @cached_property
    def labelled(self) -> pa.Table:
        """Sample_id and place of the labelled frames, in the order of `labels`."""
        return self.frames.take(pc.index_in(self.labels["sample_id"], value_set=self.frames["sample_id"]))


def read_version_frames(reader: ShardReader, version: DatasetVersion) -> VersionFrames:
    """Read the frames of a dataset version.

    Args:
        reader: of its archive.
        version: the version.

    Raises:
        ShardError: if a shard is missing, damaged or not as the version has it, or lacks a frame that is labelled.
    """
    check_shards(reader, version)
    tables = [_SCHEMA.empty_table()]
    for receipt in version.manifest.receipts:
        if receipt.shard:
            batches = reader.shard(receipt.shard, _COLUMNS, _BATCH_ROWS)
            tables += [_named(batch.rows.filter(pc.equal(batch.rows["variant"], 0))) for batch in batches]
    frames = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    labels = version.labels.columns.filter(pc.equal(version.labels.columns["variant"], 0))
    if not pc.all(pc.is_in(labels["sample_id"], value_set=frames["sample_id"])).as_py() and len(labels):
        raise ShardError(
            f"labels {version.labels.version} of {reader.store.root} are of frames that it does not have; "
            "run `raypp verify`"
        )
    return VersionFrames(frames, labels, version.labels.classes)


def place_of(text: str) -> CapturePlace:
    """Return the place that a value of the column `place` names."""
    return CapturePlace(*text.split(_BETWEEN))


def _named(rows: pa.RecordBatch) -> pa.Table:
    place = pc.binary_join_element_wise(rows["site"], rows["camera"], rows["source"], _BETWEEN)
    return pa.table([rows["sample_id"], place.dictionary_encode()], schema=_SCHEMA)
