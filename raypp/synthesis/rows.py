"""Rows of an archive of synthetic frames: segments that are drawn, and segments of real frames that go in beside."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from raypp.ingest.segment import receipt_path, shard_path
from raypp.shards.encryption import DataKey
from raypp.shards.receipt import Receipt
from raypp.shards.schema import ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ShardWriter
from raypp.synthesis.batches import MapDrawer
from raypp.synthesis.generator import Generator
from raypp.synthesis.layout import BoxLayout, draw_layout
from raypp.synthesis.sampling import draw_codes
from raypp.synthesis.training import hash_of
from raypp.veil.packing import pack

SEGMENT_FRAMES = 64
SITE, CAMERA = "synthetic", "generator"
_TICK_US = 1_000_000


@dataclass(frozen=True)
class SyntheticFrame:
    """One frame that was drawn: its row, and the layout that it was drawn for."""

    row: ShardRow
    layout: BoxLayout


@dataclass(frozen=True)
class FrameDrawer:
    """Draws frames, segment by segment; a segment is a pure function of generator, seed and number.

    Attributes:
        generator: names codes.
        layouts: of real training frames.
        maps: draws label maps.
        seed: of layouts and frames.
        amp: mixed precision.
    """

    generator: Generator
    layouts: Sequence[BoxLayout]
    maps: MapDrawer
    seed: int
    amp: bool | None

    def layouts_of(self, number: int, count: int) -> list[BoxLayout]:
        """Return the layouts of the first frames of a segment."""
        header, chance = self.maps.header, np.random.default_rng([self.seed, number])
        return [draw_layout(self.layouts, header.size, header.patch, chance) for _ in range(count)]

    def sample_id(self, index: int) -> str:
        """Return the identity of a frame, 32 hex digits."""
        return hashlib.sha256(f"{self.generator.digest} {self.seed} {index}".encode()).hexdigest()[:32]

    def segment_id(self, number: int, count: int) -> str:
        """Return the name of a segment, 32 hex digits."""
        text = f"segment {self.generator.digest} {self.seed} {number} {count}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def draw(self, number: int, count: int) -> list[ShardRow]:
        """Draw the frames of a segment."""
        layouts, rows = self.layouts_of(number, count), {}
        for places in _alike(layouts):
            chance = torch.Generator().manual_seed(hash_of(self.seed, number, places[0]))
            drawn = draw_codes(
                self.generator.network, [layouts[place] for place in places], self.maps, chance, self.amp
            )
            for place, codes in zip(places, drawn.numpy(), strict=True):
                layout, index = layouts[place], number * SEGMENT_FRAMES + place
                rows[place] = ShardRow(
                    sample_id=self.sample_id(index),
                    site=SITE,
                    camera=CAMERA,
                    source=f"{SITE}-{number:06d}",
                    frame_index=index,
                    timestamp_us=place * _TICK_US,
                    captured_at_us=None,
                    sub_key=layout.sub_key,
                    code=pack(codes, self.maps.header.bits),
                    width=layout.width,
                    height=layout.height,
                )
        return [rows[place] for place in range(count)]


def segments_of(frames: int) -> Iterator[tuple[int, int]]:
    """Yield number and frames of each segment."""
    for number in range(-(-frames // SEGMENT_FRAMES)):
        yield number, min(SEGMENT_FRAMES, frames - number * SEGMENT_FRAMES)


def _alike(layouts: Sequence[BoxLayout]) -> list[list[int]]:
    """Places of layouts that can be drawn together."""
    groups: dict[tuple[int, int, int], list[int]] = {}
    for place, layout in enumerate(layouts):
        groups.setdefault(layout.shape, []).append(place)
    return list(groups.values())


def write_segment(
    store: Store, header: ArchiveHeader, data_key: DataKey | None, segment_id: str, rows: Sequence[ShardRow]
) -> Receipt:
    """Write rows as a shard with its receipt, which is there when the shard is.

    Args:
        store: the archive.
        header: its header.
        data_key: of encrypted shards.
        segment_id: name of the segment.
        rows: at least one, in order.
    """
    relative = shard_path(segment_id, header.veil_id)
    with ShardWriter(store, relative, header, data_key) as writer:
        for row in rows:
            writer.append(row)
        digest = writer.close()
    sources = tuple(dict.fromkeys(row.source for row in rows))
    receipt = Receipt(
        segment_id=segment_id,
        shard=relative,
        shard_sha256=digest.sha256,
        shard_bytes=digest.bytes,
        content_sha256=digest.content_sha256,
        frames=digest.frames,
        part=0,
        parts=1,
        sources=sources,
        first_timestamp_us=rows[0].timestamp_us,
        last_timestamp_us=[row.timestamp_us for row in rows if row.source == sources[-1]][-1],
        decoded_digest="",
        quarantined=(),
        damaged_packets=0,
        veil_id=header.veil_id,
    )
    store.write_atomic(receipt_path(segment_id), receipt.to_bytes())
    return receipt
