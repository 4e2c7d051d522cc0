"""What an archive, a shard, a manifest or a label table holds, as lines of name and value."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from raypp.errors import ShardError
from raypp.io.json import read_json
from raypp.shards.encryption import DataKey
from raypp.shards.labels import list_versions
from raypp.shards.manifest import Manifest, read_manifest
from raypp.shards.parquet import open_parquet
from raypp.shards.schema import METADATA_KEY, ArchiveHeader
from raypp.shards.store import Store
from raypp.text.printable import printable

_PARQUET_MAGIC = b"PAR1"
_ENCRYPTED_MAGIC = b"PARE"
_BATCH_ROWS = 4096


def is_parquet(head: bytes) -> bool:
    """Whether the first four bytes of a file are those of Parquet, in the clear or encrypted."""
    return head in {_PARQUET_MAGIC, _ENCRYPTED_MAGIC}


def describe_archive(path: Path, data_key: DataKey | None) -> dict[str, str]:
    """Describe an archive; raises ShardError if it has no readable manifest."""
    store = Store(str(path), data_key)
    manifest = read_manifest(store)
    lines = {"archive": str(path)} | _header(manifest.header) | _totals(manifest)
    return lines | {"labels": ", ".join(list_versions(store)) or "none"}


def describe_table(path: Path, head: bytes, data_key: DataKey | None) -> dict[str, str]:
    """Describe a shard, a manifest or a label table.

    Args:
        path: the file.
        head: its first four bytes.
        data_key: what opens it, if it is encrypted.

    Raises:
        ShardError: if it is damaged, or encrypted and no key was given.
    """
    if head == _ENCRYPTED_MAGIC and data_key is None:
        raise ShardError(f"{path} is encrypted; give its data key with `data_key`")
    try:
        return _parquet(path, open_parquet(path, data_key.decryption() if data_key else None))
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        reason = printable((str(error) or type(error).__name__).splitlines()[0])
        raise ShardError(f"{path} is damaged ({reason}); copy it again, or veil it again") from None


def _parquet(path: Path, file: pq.ParquetFile) -> dict[str, str]:
    metadata = file.schema_arrow.metadata or {}
    lines = {
        "parquet": str(path),
        "rows": str(file.metadata.num_rows),
        "columns": ", ".join(file.schema_arrow.names),
        "bytes": f"{path.stat().st_size:,}",
    }
    names = file.schema_arrow.names
    if METADATA_KEY in metadata and "boxes" in names:
        info = read_json(metadata[METADATA_KEY])
        lines |= {"version": info["version"], "classes": ", ".join(info["classes"]), "veil_id": info["veil_id"]}
    elif METADATA_KEY in metadata:
        lines |= _header(ArchiveHeader.from_bytes(metadata[METADATA_KEY]))
    if "code" in names and file.metadata.num_rows:
        shown = ["site", "camera", "width", "height", "code"]
        batch = next(file.iter_batches(1, columns=shown, use_threads=False), None)
        if not batch:
            raise ShardError(
                f"shard {path} is damaged: it says {file.metadata.num_rows} rows and holds none; get it anew"
            )
        first = batch.to_pylist()[0]
        lines["first frame"] = (
            f"site {first['site']}, camera {first['camera']}, source {first['width']}x{first['height']}, "
            f"code {len(first['code']):,} bytes"
        )
    elif "boxes" in names:
        batches = file.iter_batches(_BATCH_ROWS, columns=["boxes"], use_threads=False)
        lines["boxes"] = str(sum(pc.sum(pc.list_value_length(batch.column(0))).as_py() or 0 for batch in batches))
    return lines


def _header(header: ArchiveHeader) -> dict[str, str]:
    drawn = {"origin": header.origin.value, "generator": f"SHA-256 {header.generator}"} if header.generator else {}
    return drawn | {
        "veil_id": header.veil_id,
        "spec": json.dumps(header.spec, sort_keys=True),
        "size": f"{header.size} pixels, grid {header.grid} x {header.grid} cells",
        "sampling": header.sampling,
        "source names": header.source_names,
        "encrypted": "yes" if header.encrypted else "no",
    }


def _totals(manifest: Manifest) -> dict[str, str]:
    frames = sum(receipt.source_frames for receipt in manifest.receipts)
    variants = sum(receipt.variants for receipt in manifest.receipts)
    size = sum(receipt.shard_bytes for receipt in manifest.receipts)
    shards = sum(receipt.shard is not None for receipt in manifest.receipts)
    quarantined = sum(len(receipt.quarantined) for receipt in manifest.receipts)
    return {
        "shards": str(shards),
        "frames": f"{frames}, {size / max(frames, 1) / 1e3:.1f} kB each" + (" with its variants" if variants else ""),
        "variants": str(variants),
        "bytes": f"{size:,}",
        "quarantined": str(quarantined),
        "manifest digest": manifest.digest,
    }
