"""The `raypp inspect` command: what a file of raypp is and holds; of keys, only what is public."""

import json
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer
from rich.console import Console
from rich.table import Table

from raypp.cli.options import DataKeyFile
from raypp.detect.bundle_header import is_bundle, is_sealed, read_index
from raypp.errors import OptionError, RayppError, ShardError
from raypp.io.json import read_json
from raypp.shards.encryption import DataKey
from raypp.shards.labels import list_versions
from raypp.shards.manifest import Manifest, read_manifest
from raypp.shards.parquet import open_parquet
from raypp.shards.schema import METADATA_KEY, ArchiveHeader
from raypp.shards.store import Store
from raypp.text.printable import printable
from raypp.veil.encoder_file import spec_and_encoder
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import DATA_MAGIC, is_key_file, kind_of, load_key
from raypp.veil.spec import PatchSpec

_PARQUET_MAGIC = b"PAR1"
_ENCRYPTED_MAGIC = b"PARE"
_BATCH_ROWS = 4096


def inspect(
    path: Annotated[
        Path | None, typer.Argument(help="A spec, key, shard, manifest, label table, detector bundle or archive.")
    ] = None,
    fields: Annotated[
        bool, typer.Option("--fields", help="Print the fields of a veil spec with their ranges.")
    ] = False,
    data_key: DataKeyFile = None,
) -> None:
    """Say what a file is and what it holds; of a key, only its fingerprint.

    Example: raypp inspect veiled
    """
    console = Console()
    if fields:
        console.print(field_table())
    elif path is None:
        raise OptionError("inspect needs the path of a spec, key, shard, manifest, label table, bundle or archive")
    else:
        for name, value in describe(path, DataKey.load(data_key) if data_key else None).items():
            console.print(f"{name:<16}{printable(value)}", highlight=False, markup=False, soft_wrap=True)


def describe(path: Path, data_key: DataKey | None = None) -> dict[str, str]:
    """Describe a spec, key, shard, manifest, label table, detector bundle or archive as lines of name and value.

    Raises:
        RayppError: if the path holds none of these.
    """
    if path.is_dir():
        return _archive(path, data_key)
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise RayppError(f"{path}: {error.strerror}; give the path of a file or archive of raypp") from None
    if head == _ENCRYPTED_MAGIC and data_key is None:
        raise ShardError(f"{path} is encrypted; give its data key with --data-key")
    if head in {_PARQUET_MAGIC, _ENCRYPTED_MAGIC}:
        try:
            return _parquet(path, open_parquet(path, data_key.decryption() if data_key else None))
        except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            reason = printable((str(error) or type(error).__name__).splitlines()[0])
            raise ShardError(f"{path} is damaged ({reason}); copy it again, or veil it again") from None
    if is_key_file(path):
        return _key(path)
    return _bundle(path) if is_bundle(path) else _spec(path)


def field_table() -> Table:
    """Return a table of the fields of a veil spec: default, range and meaning."""
    table = Table("field", "default", "range", "meaning", box=None, pad_edge=False)
    for name, schema in PatchSpec.model_json_schema()["properties"].items():
        if "enum" in schema:
            allowed = ", ".join(map(str, schema["enum"]))
        elif "const" in schema:
            allowed = str(schema["const"])
        else:
            allowed = f"{schema['minimum']} to {schema['maximum']}"
        table.add_row(name, str(schema.get("default")), allowed, schema.get("description", ""))
    return table


def _archive(path: Path, data_key: DataKey | None) -> dict[str, str]:
    store = Store(str(path), data_key)
    manifest = read_manifest(store)
    lines = {"archive": str(path)} | _header(manifest.header) | _totals(manifest)
    return lines | {"labels": ", ".join(list_versions(store)) or "none"}


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
    return {
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


def _bundle(path: Path) -> dict[str, str]:
    lines = {"detector bundle": str(path), "bytes": f"{path.stat().st_size:,}"}
    if is_sealed(path):
        return lines | {"sealed": "by a passphrase, without which nothing of it can be told"}
    index = read_index(path)
    header, info = index.header, index.header.info
    lines |= {
        "format version": str(header.format_version),
        "architecture": info.architecture,
        "weights": f"{index.values:,} values, floating ones as {header.precision}",
        "classes": ", ".join(info.classes),
        "size": f"{info.size} pixels",
        "veil_id": info.veil_id,
        "spec": json.dumps(info.spec, sort_keys=True),
        "dataset version": info.dataset_version,
        "labels version": info.labels_version,
        "epochs": str(header.epochs),
    }
    if header.scores is not None:
        lines["scores"] = f"mAP50 {header.scores.map50:.3f}, mAP50-95 {header.scores.map50_95:.3f} on the val split"
    return lines


def _key(path: Path) -> dict[str, str]:
    if kind_of(path) == DATA_MAGIC:
        DataKey.load(path)
        return {"data key": str(path), "opens": "shards, manifests and labels that were encrypted under it"}
    key = load_key(path)
    if isinstance(key, VeilKey):
        return {"owner's key": str(path), "fingerprint": key.fingerprint, "epoch": str(key.epoch)}
    return {
        "site key": str(path),
        "site": key.site,
        "cameras": ", ".join(key.cameras),
        "veil_id": key.veil_id(key.spec),
    }


def _spec(path: Path) -> dict[str, str]:
    spec, encoder = spec_and_encoder(path)
    bits = spec.channels * spec.bits
    return {
        "encoder" if encoder else "veil spec": str(path),
        "spec": spec.canonical().decode(),
        "cell": f"{spec.patch} x {spec.patch} pixels -> {spec.channels} values of {spec.bits} bits = {bits} bits "
        f"({bits / spec.patch**2:.2f} bits a pixel; a pixel has 24)",
    }
