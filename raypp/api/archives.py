"""Functions on archives: veil, open, verify, split."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raypp.api.arguments import Say, data_key_of, execution_of, places_of, progress_of
from raypp.key_sources.place import optional_key_place

if TYPE_CHECKING:
    from raypp.execution import ExecutionSettings
    from raypp.ingest.settings import VeilSettings
    from raypp.ingest.summary import VeilSummary
    from raypp.shards.archive import Archive
    from raypp.shards.labels import LabelTable
    from raypp.shards.splitting import Split
    from raypp.shards.verification import VerificationReport


def veil_archive(
    sources: str | Path | Sequence[str | Path],
    settings: "VeilSettings",
    *,
    limit: int | None = None,
    labels_version: str | None = None,
    allow_unlabelled: bool = False,
    on: "str | ExecutionSettings" = "auto",
    progress: Say | None = None,
) -> "VeilSummary":
    """Veil videos, images and labelled datasets into an archive, or finish one that was begun.

    Args:
        sources: files, folders, globs, URLs, inventories (.csv); one of them, or several.
        settings: archive, key, veil, size and sampling.
        limit: at most so many segments in this call; None for all.
        labels_version: name of the label tables that are written; None to number them.
        allow_unlabelled: take a dataset though most of its images have no labels.
        on: where segments are veiled; takes `workers` and `gpus`.
        progress: is given lines.

    Raises:
        OptionError: naming a field that is out of range.
        ConflictError: if the archive is held by another job, or was made with another veil or other settings.
        KeyFileError, MediaError, LabelError, SpecError: if key, sources, labels or spec cannot be used.
    """
    from raypp.ingest.run import run_veil  # noqa: PLC0415

    return run_veil(
        settings,
        places_of(sources),
        execution_of(on),
        progress_of(progress),
        limit=limit,
        labels_version=labels_version,
        allow_unlabelled=allow_unlabelled,
    )


def open_archive(
    archive: str | Path, *, labels_version: str | None = None, data_key: str | Path | None = None
) -> "Archive":
    """Open a veiled archive; iterating it gives frames with codes uint8[C, rows, columns], and labels.

    Args:
        archive: folder or URL.
        labels_version: whose labels frames carry; None for the only version, or for none where there are several.
        data_key: data key of encrypted shards: its file, or the URL of its source.

    Raises:
        ShardError: if there is no archive or version, or the shards are encrypted and no key was given.
    """
    from raypp.shards.archive import open_frames  # noqa: PLC0415
    from raypp.shards.reader import ShardReader  # noqa: PLC0415

    return open_frames(ShardReader(str(archive), data_key_of(data_key)), labels_version)


def verify_archive(
    archive: str | Path,
    *,
    data_key: str | Path | None = None,
    fingerprint: str | None = None,
    on: "str | ExecutionSettings" = "auto",
    progress: Say | None = None,
) -> "VerificationReport":
    """Check receipts, shards, digests, labels and signature of an archive; needs no veil key.

    Args:
        archive: folder or URL.
        data_key: data key of encrypted shards: its file, or the URL of its source.
        fingerprint: 16 hex digits of the owner's key, which must have signed; None for any signer, or none.
        on: where shards are checked.
        progress: is given lines.

    Returns:
        A report whose `problems` are empty if the archive is whole.

    Raises:
        ShardError: if there is no readable manifest, or the shards are encrypted and no key was given.
        OptionError: if the fingerprint is none.
    """
    from raypp.shards.verify_archive import verify_archive as verify  # noqa: PLC0415

    return verify(str(archive), optional_key_place(data_key), fingerprint, execution_of(on), progress_of(progress))


def split_archive(
    archive: str | Path,
    name: str,
    how: "Split",
    *,
    labels_version: str | Sequence[str] | None = None,
    data_key: str | Path | None = None,
) -> "LabelTable":
    """Write a label version in which every labelled frame is train or val; needs no veil key.

    Args:
        archive: folder or URL.
        name: name of the new version.
        how: by time or by source, share of val, seconds of the gap.
        labels_version: version to start from, or several, joined by the names of their classes; None for the only one.
        data_key: data key of encrypted shards: its file, or the URL of its source.

    Raises:
        OptionError: naming a field of `how` that is out of range.
        LabelError: if train or val would be empty.
        ConflictError: if the version exists with other content.
    """
    from raypp.shards.reader import ShardReader  # noqa: PLC0415
    from raypp.shards.splitting import write_split  # noqa: PLC0415

    return write_split(ShardReader(str(archive), data_key_of(data_key)), labels_version, name, how)
