"""Size: bytes of a veiled image against its JPEG, over patch, channels and bits."""

import itertools
import os
from pathlib import Path
from typing import Literal

from raypp.ingest.job import open_job, veil_here
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT
from raypp.shards.manifest import read_manifest
from raypp.shards.store import Store
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.spec import PatchSpec, VeilSpec
from tests.data import DATA

Row = tuple[str, str, str]


def size_rows(folder: Path) -> list[Row]:
    """Shard bytes over JPEG bytes for the default spec and a table of others, on the images of tools17/val."""
    images = DATA / "tools17" / "images" / "val"
    if not images.is_dir():
        return [("size", "skipped", "needs real images: set RAYPP_DATA")]
    key = folder / "size.key"
    save_owner_key(VeilKey.generate(), key)
    rows = [_row("default", PatchSpec(), images, folder, key, "bar <= 3")]
    patches: tuple[Literal[4, 8, 16], ...] = (4, 8, 16)
    for patch, channels, bits in itertools.product(patches, (8, 16, 32), (2, 3, 4)):
        spec = PatchSpec(patch=patch, channels=channels, bits=bits)
        rows.append(_row(f"patch {patch}, {channels} channels, {bits} bits", spec, images, folder, key, ""))
    return rows


def _row(name: str, spec: VeilSpec, images: Path, folder: Path, key: Path, bar: str) -> Row:
    out = folder / f"size-{os.urandom(4).hex()}"
    settings = VeilSettings(out=str(out), private=out.with_name(out.name + "-private"), key_path=key, spec=spec)
    with open_job(settings, [str(images)], SILENT) as job:
        job.run(veil_here, SILENT, None, None)
    receipts = read_manifest(Store(str(out))).receipts
    jpeg = sum(path.stat().st_size for path in images.iterdir())
    shards = sum(receipt.shard_bytes for receipt in receipts)
    frames = sum(receipt.frames for receipt in receipts)
    return (f"shards / JPEGs: {name}", f"{shards / jpeg:.2f} ({shards / frames / 1e3:.1f} kB)", bar)
