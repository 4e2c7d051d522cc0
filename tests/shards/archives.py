"""Small archives made through the package's own writer, for tests to read, break and verify."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from raypp.geometry.window import Window
from raypp.shards.encryption import DataKey
from raypp.shards.manifest import Manifest, compile_manifest
from raypp.shards.receipt import Receipt
from raypp.shards.schema import ENCRYPTED_TABLES, HEADER_FILE, PLAIN_TABLES, ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ShardWriter
from raypp.veil.packing import pack
from raypp.veil.spec import PatchSpec

VEIL_ID = "ab" * 16
SIZE, PATCH, CHANNELS, BITS = 64, 8, 3, 4


def header(veil_id: str = VEIL_ID, encrypted: bool = False, variants: int = 0) -> ArchiveHeader:
    return ArchiveHeader(
        veil_id=veil_id,
        spec=PatchSpec(patch=PATCH, channels=CHANNELS, bits=BITS, mix=1).model_dump(mode="json"),
        public_key="00" * 32,
        size=SIZE,
        sampling="every",
        source_names="pseudonym",
        encrypted=encrypted,
        schema_version=ENCRYPTED_TABLES if encrypted else PLAIN_TABLES,
        variants=variants,
    )


def code_of(number: int, width: int, height: int) -> np.ndarray:
    """A code as a window of this size has it, uint8[C, rows, columns]; no value is 0."""
    window = Window(SIZE, PATCH, width, height)
    random = np.random.default_rng(number)
    return random.integers(1, 1 << BITS, (CHANNELS, window.rows, window.columns), dtype=np.uint8)


def row(number: int, source: str = "video", width: int = 320, height: int = 180, **values: object) -> ShardRow:
    shard_row = ShardRow(
        sample_id=f"{number:032x}",
        site="plant",
        camera="gate",
        source=source,
        frame_index=number,
        timestamp_us=number * 40_000,
        captured_at_us=None if number % 2 else 1_700_000_000_000_000 + number,
        sub_key=number % 4,
        code=pack(code_of(number, width, height), BITS),
        width=width,
        height=height,
    )
    return replace(shard_row, **values)  # type: ignore[arg-type]


def segment(number: int) -> str:
    return f"{number:02x}" * 16


def shard_path(number: int) -> str:
    return f"shards/{number:02x}/{segment(number)}-{VEIL_ID[:8]}.parquet"


def write_segment(
    store: Store,
    number: int,
    rows: Sequence[ShardRow],
    part: int = 0,
    parts: int = 1,
    encryption: DataKey | None = None,
    archive: ArchiveHeader | None = None,
) -> Receipt:
    """Write one shard and its receipt, as a veiled segment does."""
    archive = archive or header(encrypted=encryption is not None)
    with ShardWriter(store, shard_path(number), archive, encryption=encryption) as writer:
        for shard_row in rows:
            writer.append(shard_row)
        digest = writer.close()
    receipt = Receipt(
        segment_id=segment(number),
        shard=shard_path(number),
        shard_sha256=digest.sha256,
        shard_bytes=digest.bytes,
        content_sha256=digest.content_sha256,
        frames=digest.frames,
        variants=sum(shard_row.variant > 0 for shard_row in rows),
        part=part,
        parts=parts,
        sources=tuple(dict.fromkeys(shard_row.source for shard_row in rows)),
        first_timestamp_us=rows[0].timestamp_us,
        last_timestamp_us=rows[-1].timestamp_us,
        decoded_digest="cd" * 32,
        quarantined=(),
        damaged_packets=0,
        veil_id=archive.veil_id,
    )
    store.write_atomic(f"receipts/{receipt.segment_id}.json", receipt.to_bytes())
    return receipt


def write_archive(store: Store, encryption: DataKey | None = None, segments: int = 3, frames: int = 5) -> Manifest:
    """Write a whole archive: one video in `segments` parts."""
    archive = header(encrypted=encryption is not None)
    store.write_atomic(HEADER_FILE, archive.to_bytes())
    for part in range(segments):
        rows = [row(part * frames + number) for number in range(frames)]
        write_segment(store, part, rows, part, segments, encryption)
    return compile_manifest(store, archive)
