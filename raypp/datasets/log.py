"""The log of an archive's dataset versions: what each holds, in numbers."""

import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from raypp.datasets.version import DatasetVersion, list_dataset_versions
from raypp.shards.store import Store


class LoggedVersion(BaseModel):
    """One dataset version, in numbers."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(description="its digest, 32 hex digits")
    manifest: str = Field(description="digest of the manifest")
    labels: str = Field(description="name of the label version")
    tags: tuple[str, ...] = Field(description="tags that pin it")
    current: bool = Field(description="whether its manifest is the archive's present one; else only a tag keeps it")
    written_us: int = Field(
        description="microseconds since 1970 when it was written here, or first tagged where it is not current"
    )
    frames: int = Field(description="frames in its shards, without variants")
    labelled: int = Field(description="labelled frames, without variants")
    splits: dict[str, int] = Field(description="labelled frames by split")
    boxes: int = Field(description="boxes on labelled frames, without those of variants")
    classes: tuple[str, ...]
    sources: int = Field(description="videos and images in its shards")


class DatasetLog(BaseModel):
    """All dataset versions of an archive, the latest first."""

    model_config = ConfigDict(frozen=True)

    archive: str
    veil_id: str
    versions: tuple[LoggedVersion, ...]


def read_log(store: Store) -> DatasetLog:
    """List the dataset versions of an archive; no shard is read.

    Raises:
        ShardError: if it has no manifest, a table is damaged, or it is encrypted and the store has no key.
    """
    versions = list_dataset_versions(store)
    veil_id = versions[0].manifest.header.veil_id if versions else ""
    return DatasetLog(archive=store.root, veil_id=veil_id, versions=tuple(map(_logged, versions)))


def _logged(version: DatasetVersion) -> LoggedVersion:
    receipts, labels = version.manifest.receipts, version.labels
    rows = labels.columns.filter(pc.equal(labels.columns["variant"], 0))
    failed = {quarantined.source for receipt in receipts for quarantined in receipt.quarantined}
    return LoggedVersion(
        version=version.digest,
        manifest=version.manifest.digest,
        labels=labels.version,
        tags=version.tags,
        current=version.current,
        written_us=version.written_us,
        frames=sum(receipt.source_frames for receipt in receipts),
        labelled=len(rows),
        splits=labels.splits,
        boxes=pc.sum(pc.list_value_length(rows["boxes"])).as_py() or 0,
        classes=labels.classes,
        sources=len({source for receipt in receipts for source in receipt.sources} - failed),
    )
