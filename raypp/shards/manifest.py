"""The manifest: all receipts of an archive in one canonical table."""

import hashlib
import io
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from raypp.errors import ShardError
from raypp.shards.receipt import Receipt
from raypp.shards.schema import HEADER_FILE, METADATA_KEY, ArchiveHeader
from raypp.shards.store import Store

MANIFEST_FILE = "manifest.parquet"
RECEIPT_FOLDER = "receipts"

_SCHEMA = pa.schema(
    [
        ("segment_id", pa.string()),
        ("shard", pa.string()),
        ("shard_sha256", pa.string()),
        ("shard_bytes", pa.int64()),
        ("content_sha256", pa.string()),
        ("frames", pa.int64()),
        ("variants", pa.int64()),
        ("part", pa.int32()),
        ("parts", pa.int32()),
        ("sources", pa.list_(pa.string())),
        ("first_timestamp_us", pa.int64()),
        ("last_timestamp_us", pa.int64()),
        ("decoded_digest", pa.string()),
        ("quarantined", pa.list_(pa.struct([("source", pa.string()), ("reason", pa.string())]))),
        ("damaged_packets", pa.int64()),
        ("veil_id", pa.string()),
    ]
)
_DAMAGED = pa.field("damaged", pa.list_(pa.string()))
"""A column of manifests that have damaged sources; the others keep the bytes that they had before it."""


@dataclass(frozen=True)
class Manifest:
    """An archive's header and its receipts, sorted by segment."""

    header: ArchiveHeader
    receipts: tuple[Receipt, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over header and receipts, hex."""
        digest = hashlib.sha256(self.header.to_bytes())
        for receipt in self.receipts:
            digest.update(b"\n" + receipt.to_bytes())
        return digest.hexdigest()


def compile_manifest(store: Store, header: ArchiveHeader, without: Collection[str] = ()) -> Manifest:
    """Fold the receipts of finished segments into the manifest, then delete them.

    A crash at any point loses nothing: until the new manifest is in place the receipts stay, and receipts that are in
    the manifest already are folded in again to the same content.

    Args:
        store: the archive.
        header: its header.
        without: segments whose receipts go.

    Raises:
        ShardError: if a receipt is of another veil or something cannot be written.
    """
    pending = _pending(store)
    known = {receipt.segment_id: receipt for receipt in _recorded(store)}
    for receipt in pending.values():
        if receipt.veil_id != header.veil_id:
            raise ShardError(
                f"receipt of segment {receipt.segment_id} is of veil {receipt.veil_id}, the archive of "
                f"{header.veil_id}; remove the foreign receipt"
            )
        known[receipt.segment_id] = receipt
    manifest = Manifest(header, tuple(known[name] for name in sorted(known.keys() - set(without))))
    # Compared by content: an encrypted table has other bytes each time.
    if not store.exists(MANIFEST_FILE) or read_manifest(store) != manifest:
        write_manifest_file(store, MANIFEST_FILE, manifest)
    for relative in pending:
        store.delete(relative)
    return manifest


def read_manifest(store: Store) -> Manifest:
    """Read the manifest; raises ShardError if there is none or it is damaged."""
    if not store.exists(MANIFEST_FILE):
        raise ShardError(
            f"archive {store.root} has no {MANIFEST_FILE}: no job has finished there; run `raypp veil` again"
        )
    return read_manifest_file(store, MANIFEST_FILE)


def read_manifest_file(store: Store, relative: str) -> Manifest:
    """Read a manifest, or a copy of one, by its path in the archive; raises ShardError if it is missing or damaged."""
    where = f"{store.root}/{relative}"
    try:
        table = store.read_table(relative)
        rows = table.to_pylist()
        header = ArchiveHeader.from_bytes(table.schema.metadata[METADATA_KEY], where)
        return Manifest(header, tuple(Receipt.model_validate(row) for row in rows))
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        raise ShardError(f"manifest {where} is damaged; restore it, or veil into another `out`") from None


def write_manifest_file(store: Store, relative: str, manifest: Manifest) -> None:
    """Write a manifest, encrypted where the archive's tables are; raises ShardError if it cannot be written."""
    store.write_atomic(relative, _to_parquet(manifest, encryption_of(store, manifest.header)))


def read_archive_header(store: Store) -> ArchiveHeader:
    """Read the header, which is open in every archive; raises ShardError if there is none or it is damaged."""
    if not store.exists(HEADER_FILE):
        raise ShardError(f"archive {store.root} has no {HEADER_FILE}; name the folder that `raypp veil` wrote")
    return ArchiveHeader.from_bytes(store.read(HEADER_FILE), f"{store.root}/{HEADER_FILE}")


def finished_segments(store: Store) -> dict[str, Receipt]:
    """Receipts by segment, from manifest and receipts, of segments whose shard is there at its full size."""
    receipts = [*_recorded(store), *_pending(store).values()]
    sizes = {relative: store.size(relative) for receipt in receipts if (relative := receipt.shard)}
    return {
        receipt.segment_id: receipt
        for receipt in receipts
        if receipt.shard is None or sizes[receipt.shard] == receipt.shard_bytes
    }


def pending_receipts(store: Store) -> tuple[Receipt, ...]:
    """Receipts that no manifest holds yet: a job is running or was stopped."""
    return tuple(_pending(store).values())


def _pending(store: Store) -> dict[str, Receipt]:
    names = [name for name in store.listing(RECEIPT_FOLDER) if name.endswith(".json")]
    return {name: Receipt.from_bytes(store.read(name), f"{store.root}/{name}") for name in names}


def _recorded(store: Store) -> tuple[Receipt, ...]:
    return read_manifest(store).receipts if store.exists(MANIFEST_FILE) else ()


def encryption_of(store: Store, header: ArchiveHeader) -> Any:
    """Return pyarrow's encryption properties for an archive's tables, or None where they are open.

    Raises:
        ShardError: if they are encrypted and the store has no key.
    """
    if not header.encrypts_tables:
        return None
    if store.data_key is None:
        raise ShardError(f"archive {store.root} is encrypted; give its data key with `data_key`")
    return store.data_key.table_encryption()


def _to_parquet(manifest: Manifest, encryption: Any) -> bytes:
    rows = [receipt.model_dump(mode="json") for receipt in manifest.receipts]
    damaged = any(receipt.damaged for receipt in manifest.receipts)
    columns = _SCHEMA.append(_DAMAGED) if damaged else _SCHEMA
    schema = columns.with_metadata({METADATA_KEY: manifest.header.to_bytes()})
    buffer = io.BytesIO()
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, buffer, version="2.6", compression="zstd", encryption_properties=encryption)
    return buffer.getvalue()
