"""The owner's side of an archive: key, plan and sources, which together give plain frames back."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from raypp.errors import KeyFileError, OptionError
from raypp.ingest.plan import VeilPlan
from raypp.ingest.plan_file import load_plan
from raypp.ingest.settings import owner_side
from raypp.ingest.source_views import NO_VIEWS, load_views
from raypp.io.filesystem import is_url
from raypp.key_sources.place import KeyPlace
from raypp.media.discovery import discover
from raypp.media.masks import MaskSet, load_masks
from raypp.progress import SILENT, Progress
from raypp.reveal.lookup import SourceFinder, VeiledRow, find_rows
from raypp.reveal.plain import PlainFrame, recover_each
from raypp.shards.encryption import DataKey
from raypp.shards.reader import ShardReader
from raypp.shards.schema import ArchiveHeader, Origin
from raypp.veil.key import SiteKey, VeilKey, fingerprint
from raypp.veil.keyfile import load_key


@dataclass(frozen=True)
class OwnerSide:
    """Places of what gives plain frames back.

    Attributes:
        archive: the veiled archive.
        key_path: owner's or site's key.
        sources: where to look for sources that moved; empty for where they were.
        private: the owner's side of the archive; None for the folder beside it.
        masks_path: privacy masks that it was veiled with.
        views_path: views that it was veiled with, where no plan has them.
        data_key_path: data key of encrypted shards.
    """

    archive: str
    key_path: KeyPlace
    sources: tuple[str, ...] = ()
    private: Path | None = None
    masks_path: Path | None = None
    views_path: Path | None = None
    data_key_path: KeyPlace | None = None

    def open(self, progress: Progress = SILENT, key: VeilKey | None = None) -> "OwnerFrames":
        """Open key, plan and archive.

        Args:
            progress: is told how far it is.
            key: the owner's, where it was opened already.

        Raises:
            OptionError: if there is no plan and no sources are named.
            KeyFileError: if the key is not that of the archive.
            ShardError, MediaError: if archive or sources cannot be read.
        """
        reader = ShardReader(self.archive, DataKey.load(self.data_key_path) if self.data_key_path else None)
        _refuse_synthetic(self.archive, reader.header)
        keyring = load_key(self.key_path) if key is None else key
        _check_key(keyring, self.key_path, self.archive, reader.header)
        masks = load_masks(self.masks_path) if self.masks_path else None
        discovery = discover(list(self.sources)) if self.sources else None
        views = load_views(self.views_path) if self.views_path else NO_VIEWS
        plan = _plan(self.archive, self.private, self.sources)
        return OwnerFrames(reader, SourceFinder(keyring, plan, discovery, progress, views), masks)


def _refuse_synthetic(archive: str, header: ArchiveHeader) -> None:
    if header.origin is Origin.SYNTHETIC:
        raise OptionError(
            f"archive {archive} is synthetic: a generator drew its frames, and there is no video or image behind them; "
            "name the archive that the generator learned from"
        )


@dataclass(frozen=True)
class OwnerFrames:
    """Gives the plain frames of an archive back.

    Attributes:
        reader: the archive.
        finder: finds the sources of its frames.
        masks: privacy masks that it was veiled with, or None.
    """

    reader: ShardReader
    finder: SourceFinder
    masks: MaskSet | None

    def recover(self, sample_ids: Collection[str]) -> Iterator[tuple[VeiledRow, PlainFrame | str]]:
        """Yield the frames of samples that the archive has, each once, or for one that cannot be had a line why.

        Raises:
            ShardError: if a shard is missing or damaged.
        """
        rows = find_rows(self.reader, sample_ids)
        frames = recover_each(list(rows.values()), self.finder, self.reader.header, self.masks)
        yield from ((rows[sample_id], frame) for sample_id, frame in frames)


def _check_key(key: VeilKey | SiteKey, path: KeyPlace, archive: str, header: ArchiveHeader) -> None:
    if key.public_key.hex() != header.public_key:
        theirs = fingerprint(bytes.fromhex(header.public_key))
        raise KeyFileError(
            f"key file {path} has fingerprint {fingerprint(key.public_key)}, but {archive} (veil {header.veil_id}) was "
            f"veiled with the key of fingerprint {theirs}; use that key and its epoch"
        )


def _plan(archive: str, private: Path | None, sources: Sequence[str]) -> VeilPlan:
    """Read the owner's plan; there may be none only where sources are named."""
    if private is None and not is_url(archive):
        private = owner_side(archive)
    plan = load_plan(private) if private else VeilPlan()
    if not plan.segments and not sources:
        raise OptionError(
            f"there is no plan of {archive} in {private or 'any local folder'}; name the owner's side of it with "
            "`private`, or its sources with `sources`"
        )
    return plan
