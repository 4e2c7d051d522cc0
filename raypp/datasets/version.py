"""A dataset version of an archive: a manifest with a label version, as it is now or as a tag pins it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from raypp.errors import ShardError
from raypp.shards.labels import LabelTable, dataset_version, list_versions, only_version, read_labels
from raypp.shards.manifest import MANIFEST_FILE, Manifest, read_manifest
from raypp.shards.reader import ShardReader
from raypp.shards.store import Store
from raypp.shards.tags import DatasetTag, read_tags, tagged_labels, tagged_manifest

LEAST_DIGITS = 6
"""Digits of a digest that are enough to name a version, where no other begins with them."""


@dataclass(frozen=True, repr=False)
class DatasetVersion:
    """One dataset version.

    Attributes:
        digest: its name, 32 hex digits.
        manifest: its shards.
        labels: its labels.
        tags: names of the tags that pin it, sorted.
        current: whether its manifest is the archive's present one.
        written_us: when the later of manifest and labels was written here, microseconds since 1970; a copy of the
            archive has the time of copying. Of one that is not current, when it was first tagged.
    """

    digest: str
    manifest: Manifest
    labels: LabelTable
    tags: tuple[str, ...]
    current: bool
    written_us: int

    def __repr__(self) -> str:
        return f"<DatasetVersion {self.digest}: labels {self.labels.version}, tags {', '.join(self.tags) or 'none'}>"


def list_dataset_versions(store: Store) -> tuple[DatasetVersion, ...]:
    """Return the versions that an archive holds: its manifest with each label version, and what tags pin.

    Args:
        store: the archive.

    Returns:
        Versions by time, the latest first.

    Raises:
        ShardError: if the archive has no manifest, or one of its tables is damaged.
    """
    manifest, tags = read_manifest(store), read_tags(store)
    tables = {name: read_labels(store, name) for name in list_versions(store)}
    written = {name: _written_us(store, f"labels/{name}/labels.parquet") for name in tables}
    versions: dict[str, DatasetVersion] = {}
    own_us = _written_us(store, MANIFEST_FILE)
    for name, table in tables.items():
        digest = dataset_version(manifest, table)
        versions[digest] = DatasetVersion(
            digest, manifest, table, _names(tags, digest), current=True, written_us=max(own_us, written[name])
        )
    for tag in tags:
        if tag.version not in versions:
            versions[tag.version] = _tagged(store, tag, tags)
    return tuple(sorted(versions.values(), key=lambda version: (-version.written_us, version.digest)))


def find_version(store: Store, name: str | None) -> DatasetVersion:
    """Find one version of an archive.

    Args:
        store: the archive.
        name: of a tag or of a label version, or the first digits of a version's digest; None for the only label
            version with the present manifest.

    Raises:
        ShardError: if there is none, or several begin with those digits; the text names those there are.
        LabelError: if none is named, and there are no label versions or several.
    """
    versions = list_dataset_versions(store)
    if name is None:
        name = only_version(store.root, list_versions(store))
    for wanted in (
        [version for version in versions if name in version.tags],
        [version for version in versions if version.current and version.labels.version == name],
        [version for version in versions if len(name) >= LEAST_DIGITS and version.digest.startswith(name.lower())],
    ):
        if len(wanted) > 1:
            raise ShardError(f"version {name} of {store.root} may be {_shown(wanted)}; give more digits")
        if wanted:
            return wanted[0]
    raise ShardError(
        f"archive {store.root} has no dataset version {name}; there are: {_shown(versions) or 'none'}. Name a tag, a "
        f"label version, or {LEAST_DIGITS} digits or more of a digest"
    )


def check_shards(reader: ShardReader, version: DatasetVersion) -> None:
    """Raise ShardError if an archive no longer has the segments of a version as the version has them."""
    there = {receipt.segment_id: receipt.content_sha256 for receipt in reader.manifest.receipts}
    for receipt in version.manifest.receipts:
        if there.get(receipt.segment_id) != receipt.content_sha256:
            raise ShardError(
                f"archive {reader.store.root} no longer has segment {receipt.segment_id} as version "
                f"{version.digest[:12]} has it; run `raypp verify`"
            )


def _tagged(store: Store, tag: DatasetTag, tags: Sequence[DatasetTag]) -> DatasetVersion:
    manifest, labels = tagged_manifest(store, tag), tagged_labels(store, tag)
    tagged = min(other.tagged_at for other in tags if other.version == tag.version)
    return DatasetVersion(
        tag.version, manifest, labels, _names(tags, tag.version), current=False, written_us=_microseconds(tagged)
    )


def _names(tags: Iterable[DatasetTag], digest: str) -> tuple[str, ...]:
    return tuple(sorted(tag.name for tag in tags if tag.version == digest))


def _microseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1e6)


def _written_us(store: Store, relative: str) -> int:
    return store.written_us(relative) or 0


def _shown(versions: Iterable[DatasetVersion]) -> str:
    return ", ".join(
        f"{version.digest[:12]} ({', '.join((version.labels.version, *version.tags))})" for version in versions
    )
