"""Tags: names of dataset versions of an archive, which pin shards and labels until the tag is removed."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.errors import ConflictError, OptionError, ShardError
from raypp.shards.labels import LabelTable, dataset_version, list_versions, read_labels
from raypp.shards.manifest import Manifest, pending_receipts, read_manifest_file, write_manifest_file
from raypp.shards.store import Store
from raypp.text.names import check_stream_name

TAG_FOLDER = "tags"
_MANIFESTS = f"{TAG_FOLDER}/manifests"
_MOST_TAGS = 10_000
_HEX = frozenset("0123456789abcdef")
_LEAST_DIGITS = 6
"""A name of so many hex digits could be the begin of a digest."""


class DatasetTag(BaseModel):
    """Content of `tags/NAME.json`: public, since an archive names its label versions in the clear, too.

    A copy of the manifest stands beside it, encrypted where the archive's manifest is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    name: str = Field(description="the tag")
    version: str = Field(pattern="^[0-9a-f]{32}$", description="the dataset version: manifest and labels together")
    manifest: str = Field(pattern="^[0-9a-f]{64}$", description="digest of the manifest")
    labels: str = Field(description="name of the label version")
    labels_digest: str = Field(pattern="^[0-9a-f]{64}$", description="digest of its content")
    tagged_at: str = Field(description="when it was tagged, UTC, ISO 8601")


def write_tag(store: Store, name: str, manifest: Manifest, labels: LabelTable) -> DatasetTag:
    """Tag a dataset version; tagging the same version again by the same name changes nothing.

    Args:
        store: the archive; its lock is taken.
        name: of the tag.
        manifest: the version's.
        labels: the version's.

    Raises:
        OptionError: if the name cannot be a tag's.
        ConflictError: if the tag names another version, or a job holds the archive.
        ShardError: if it cannot be written.
    """
    _check_tag_name(name)
    if name in list_versions(store):
        raise OptionError(f"tag {name} would have the name of a label version of {store.root}; choose another")
    tag = DatasetTag(
        name=name,
        version=dataset_version(manifest, labels),
        manifest=manifest.digest,
        labels=labels.version,
        labels_digest=labels.digest,
        tagged_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    with store.lock():
        there = {other.name: other for other in read_tags(store)}
        if name in there:
            if there[name].version != tag.version:
                raise ConflictError(
                    f"tag {name} of {store.root} names version {there[name].version}, and not {tag.version}; choose "
                    f"another name, or remove it with `raypp dataset untag`"
                )
            return there[name]
        if not store.exists(_manifest_path(tag)):
            write_manifest_file(store, _manifest_path(tag), manifest)
        store.write_atomic(_tag_path(name), tag.model_dump_json().encode())
    return tag


def remove_tag(store: Store, name: str) -> DatasetTag:
    """Remove a tag, and the copy of the manifest that no other one needs; returns it.

    Raises:
        ShardError: if there is no such tag.
        ConflictError: if a job holds the archive.
    """
    with store.lock():
        tag = read_tag(store, name)
        store.delete(_tag_path(name))
        if tag.manifest not in {other.manifest for other in read_tags(store)}:
            store.delete(_manifest_path(tag))
    return tag


def read_tags(store: Store) -> tuple[DatasetTag, ...]:
    """Read all tags of an archive, by name; raises ShardError if one is damaged."""
    paths = [name for name in store.listing(TAG_FOLDER) if name.endswith(".json")]
    if len(paths) > _MOST_TAGS:
        raise ShardError(f"archive {store.root} has {len(paths)} tags; remove some, at most {_MOST_TAGS:,} are read")
    return tuple(_read(store, path) for path in sorted(paths))


def read_tag(store: Store, name: str) -> DatasetTag:
    """Read a tag; raises ShardError if it is missing (naming those there are) or damaged."""
    tags = {tag.name: tag for tag in read_tags(store)}
    if name not in tags:
        raise ShardError(f"archive {store.root} has no tag {name}; there are: {', '.join(tags) or 'none'}")
    return tags[name]


def tagged_manifest(store: Store, tag: DatasetTag) -> Manifest:
    """Read the manifest that a tag pins; raises ShardError if its copy is missing or not the one that was tagged."""
    manifest = read_manifest_file(store, _manifest_path(tag))
    if manifest.digest != tag.manifest:
        raise ShardError(f"the manifest of tag {tag.name} of {store.root} is not the one that was tagged; restore it")
    return manifest


def tagged_labels(store: Store, tag: DatasetTag) -> LabelTable:
    """Read the labels that a tag pins; raises ShardError if they are missing or not those that were tagged."""
    labels = read_labels(store, tag.labels)
    if labels.digest != tag.labels_digest:
        raise ShardError(f"labels {tag.labels} of {store.root} are not those that tag {tag.name} pins; restore them")
    return labels


def pinned_by(store: Store, segments: Iterable[str] = (), labels: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the names of the tags that pin any of some segments or label versions, sorted.

    What removes or changes one of them refuses first, and names the tag: `raypp dataset untag` frees it.

    Args:
        store: the archive.
        segments: by segment_id, as receipts name them.
        labels: label versions by name.

    Raises:
        ShardError: if a tag is damaged, or the archive is encrypted and the store has no key.
    """
    changed, versions = set(segments), set(labels)
    return tuple(
        tag.name
        for tag in read_tags(store)
        if tag.labels in versions
        or (changed and any(receipt.segment_id in changed for receipt in tagged_manifest(store, tag).receipts))
    )


def hold_to_tags(store: Store) -> None:
    """Raise ConflictError if receipts that wait for the manifest would change a segment that a tag pins.

    So it is where a pinned shard was lost, and other versions of libraries have veiled its source to other codes.
    """
    pending = {receipt.segment_id: receipt.content_sha256 for receipt in pending_receipts(store)}
    for tag in read_tags(store) if pending else ():
        for receipt in tagged_manifest(store, tag).receipts:
            if pending.get(receipt.segment_id, receipt.content_sha256) != receipt.content_sha256:
                raise ConflictError(
                    f"segment {receipt.segment_id} of {store.root} came out otherwise than tag {tag.name} pins it; "
                    "restore its shard, or remove the tag with `raypp dataset untag` and run this again"
                )


def tag_problems(store: Store, manifest: Manifest) -> Iterator[str]:
    """Find what an archive no longer has as its tags pin it, one line each.

    Args:
        store: the archive.
        manifest: its manifest, whose shards are checked elsewhere.
    """
    there = {receipt.segment_id: receipt.content_sha256 for receipt in manifest.receipts}
    try:
        tags = read_tags(store)
    except ShardError as error:
        yield str(error)
        return
    for tag in tags:
        try:
            pinned = tagged_manifest(store, tag)
            tagged_labels(store, tag)
        except ShardError as error:
            yield f"tag {tag.name}: {error}"
            continue
        gone = sum(there.get(receipt.segment_id) != receipt.content_sha256 for receipt in pinned.receipts)
        if gone:
            yield f"tag {tag.name} pins {gone} segments that are missing or changed; restore the archive, or untag it"


def _check_tag_name(name: str) -> None:
    try:
        check_stream_name(name, "tag")
    except ValueError as error:
        raise OptionError(f"{error}; choose another name") from None
    if name.startswith(".") or (len(name) >= _LEAST_DIGITS and set(name.lower()) <= _HEX):
        raise OptionError(f"tag {name} reads as a hidden file or a digest; choose another name")


def _read(store: Store, path: str) -> DatasetTag:
    try:
        tag = DatasetTag.model_validate_json(store.read(path))
    except ValidationError:
        raise ShardError(f"tag {store.root}/{path} is damaged, or of a newer raypp; restore it") from None
    if _tag_path(tag.name) != path:
        raise ShardError(f"tag {store.root}/{path} holds tag {tag.name!r}; give its file that name again")
    return tag


def _tag_path(name: str) -> str:
    return f"{TAG_FOLDER}/{name}.json"


def _manifest_path(tag: DatasetTag) -> str:
    return f"{_MANIFESTS}/{tag.manifest}.parquet"
