"""Receipts of forgetting: what was taken out of which archive, signed by who did it."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from raypp.io.private import private_folder, write_private
from raypp.veil.signed import SignedDocument

RECEIPT_FOLDER = "forgotten"
"""Folder of the owner's side of an archive that keeps its receipts."""


class LabelsBefore(BaseModel):
    """A label version before: its digest, whether the owner had signed it, and how many rows are forgotten."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    digest: str
    is_signed: bool
    forgotten: int


class LabelsChange(BaseModel):
    """A label version of which rows were forgotten: their number, and its digests before and after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    forgotten: int
    before: str
    after: str | None = Field(description="none where no row was left, and the version went")


class HeldDataset(BaseModel):
    """A dataset version that holds what is forgotten: frames of each split, by the labels that it is named after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset_version: str
    labels_version: str
    frames: dict[str, int] = Field(description="forgotten frames that it labels, by split")


class JudgedModel(BaseModel):
    """A detector, and whether it was trained on what is forgotten."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    dataset_version: str
    trained: bool | None = Field(description="none where nobody can tell by this archive")
    reason: str


class ForgetReceipt(SignedDocument):
    """A receipt of forgetting. It names no frame and no plain source.

    Attributes:
        veil_id: veil of the archive.
        order: SHA-256 of the order without its outcome, hex.
        selection: keyed digest of what the owner selected; empty for an order.
        manifest_before, manifest_after: digests of the archive's manifest.
        samples_sha256: SHA-256 over the sorted sample_ids that the order names.
        samples: how many that are.
        frames, variants: how many of each this archive held of them.
        segments: segments that were changed.
        sources: sources that went as a whole; of an order, None.
        labels: label versions that were changed.
        datasets: dataset versions that held frames of it.
        models: those that were named, and what each was trained on.
        begun_at: when, ISO 8601 in UTC.
    """

    domain: ClassVar[bytes] = b"raypp forget receipt v1"
    what: ClassVar[str] = "receipt of forgetting"

    kind: Literal["raypp-forget-receipt"] = "raypp-forget-receipt"
    version: Literal[1] = 1
    veil_id: str
    order: str
    selection: str
    manifest_before: str
    manifest_after: str
    samples_sha256: str
    samples: int
    frames: int
    variants: int
    segments: int
    sources: int | None
    labels: tuple[LabelsChange, ...]
    datasets: tuple[HeldDataset, ...]
    models: tuple[JudgedModel, ...]
    begun_at: str


def samples_sha256(sample_ids: Iterable[str]) -> str:
    """Return the digest of sample_ids, hex; they are pseudonyms of 128 bits, so it shows none of them."""
    return hashlib.sha256("\n".join(sorted(sample_ids)).encode()).hexdigest()


def kept_path(receipt: ForgetReceipt, private: Path) -> Path:
    """Return where a receipt is kept in the owner's folder."""
    return private / RECEIPT_FOLDER / f"{receipt.order[:32]}.json"


def keep_receipt(receipt: ForgetReceipt, private: Path) -> None:
    """Keep a receipt in the owner's folder."""
    path = kept_path(receipt, private)
    private_folder(path.parent)
    write_private(path, receipt.to_bytes())


def kept_receipts(private: Path) -> Iterator[ForgetReceipt]:
    """Yield the receipts of an owner's folder; raises ShardError for one that is damaged."""
    for path in sorted((private / RECEIPT_FOLDER).glob("*.json")):
        yield ForgetReceipt.read(path)
