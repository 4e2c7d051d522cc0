"""The training data: a veiled archive with a label version, checked before any work."""

from dataclasses import dataclass
from typing import Self

from raypp.datasets.pin import pinned_digest
from raypp.datasets.version import check_shards, find_version
from raypp.detect.inputs.code_input import CodeInput
from raypp.errors import LabelError, OptionError, ShardError
from raypp.key_sources.place import KeyPlace
from raypp.shards.encryption import DataKey
from raypp.shards.labels import dataset_version, list_versions, only_version, read_labels
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader


@dataclass(frozen=True)
class VeiledDataset:
    """An archive with its labels, as far as they are known without reading a shard.

    Attributes:
        root: the archive.
        labels_version: name of the label version.
        header: the archive's header.
        classes: names of the classes.
        version: the dataset version: digest of manifest and labels.
        manifest_digest: of the manifest alone.
        labels_digest: of the labels alone.
        tag: by which the version was named; None where it was not.
        shard_bytes: bytes of all shards.
        splits: number of labelled frames by split; a frame with variants counts once.
    """

    root: str
    labels_version: str
    header: ArchiveHeader
    classes: tuple[str, ...]
    version: str
    manifest_digest: str
    labels_digest: str
    tag: str | None
    shard_bytes: int
    splits: dict[str, int]

    @classmethod
    def open(
        cls, root: str, labels_version: str | None, data_key: KeyPlace | None = None, named: str | None = None
    ) -> Self:
        """Read manifest and labels, look at sizes of shards; without a version named, there must be one only.

        Args:
            root: the archive.
            labels_version: name of the label version, of the archive as it is now.
            data_key: data key of encrypted shards, or None.
            named: a dataset version in the place of a label version: a tag, digits of a digest, or a pin file. What the
                archive has gained since is left out.

        Raises:
            ShardError: if the archive, a shard or a version is missing or damaged.
            LabelError: if there are no labels or several versions of them, or they are of another veil.
            OptionError: if a label version is named that is not that of the dataset version.
        """
        reader = ShardReader(root, DataKey.load(data_key) if data_key else None)
        manifest, tag = reader.manifest, None
        if named is None:
            there = list_versions(reader.store)
            labels = read_labels(reader.store, labels_version or only_version(root, there))
        else:
            chosen = find_version(reader.store, pinned_digest(named))
            check_shards(reader, chosen)
            manifest, labels, tag = chosen.manifest, chosen.labels, named if named in chosen.tags else None
            if labels_version not in {None, labels.version}:
                raise OptionError(
                    f"`labels_version` {labels_version} is not of dataset version {named}, which has labels "
                    f"{labels.version}; leave it out"
                )
        if labels.veil_id != reader.header.veil_id:
            raise LabelError(
                f"labels {labels.version} are of veil {labels.veil_id}, the archive of {reader.header.veil_id}; "
                "do not mix archives"
            )
        for receipt in manifest.receipts:
            if receipt.shard and reader.store.size(receipt.shard) != receipt.shard_bytes:
                raise ShardError(
                    f"shard {root}/{receipt.shard} is missing or not as its receipt says; run `raypp verify {root}`"
                )
        return cls(
            root=root,
            labels_version=labels.version,
            header=reader.header,
            classes=labels.classes,
            version=dataset_version(manifest, labels),
            manifest_digest=manifest.digest,
            labels_digest=labels.digest,
            tag=tag,
            shard_bytes=sum(receipt.shard_bytes for receipt in manifest.receipts),
            splits=labels.splits,
        )

    @property
    def codes(self) -> CodeInput:
        """The input of a detector on this archive."""
        header = self.header
        return CodeInput(header.channels, header.bits, header.patch, header.sub_keys)

    def require(self, *splits: str) -> None:
        """Raise LabelError if a split has no frames."""
        for split in splits:
            if not self.splits.get(split):
                has = ", ".join(f"{count} {name}" for name, count in sorted(self.splits.items())) or "nothing"
                raise LabelError(
                    f"labels {self.labels_version} of {self.root} have no {split} frames (they have {has}); "
                    f"split them with `raypp split`, or veil a dataset that names {split} images"
                )
