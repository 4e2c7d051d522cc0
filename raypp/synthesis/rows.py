"""Rows of an archive of synthetic frames: segments that are drawn, and segments of real frames that go in beside."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from raypp.errors import ModelError
from raypp.ingest.segment import receipt_path, shard_path
from raypp.shards.encryption import DataKey
from raypp.shards.receipt import Receipt
from raypp.shards.schema import ArchiveHeader, ShardRow
from raypp.shards.store import Store
from raypp.shards.writer import ShardWriter
from raypp.synthesis.batches import MapDrawer
from raypp.synthesis.generator import Generator
from raypp.synthesis.guard import NearnessGuard
from raypp.synthesis.layout import BoxLayout, draw_layout
from raypp.synthesis.sampling import draw_codes
from raypp.synthesis.training import hash_of
from raypp.veil.packing import pack

SEGMENT_FRAMES = 64
SITE, CAMERA = "synthetic", "generator"
_TICK_US = 1_000_000
_MOST_DRAWS = 20
"""So often a frame is drawn, until one lies far enough from learned ones."""


@dataclass(frozen=True)
class SegmentDraw:
    """Frames of a segment, and how many draws were refused before them."""

    rows: list[ShardRow]
    refused: int


@dataclass(frozen=True)
class FrameDrawer:
    """Draws frames, segment by segment; a segment is a pure function of generator, seed and number.

    Attributes:
        generator: names codes.
        layouts: of real training frames.
        maps: draws label maps.
        seed: of layouts and frames.
        amp: mixed precision.
        guard: refuses frames that lie too near to learned ones.
        guidance: how far odds are moved towards the layout, from 0.
    """

    generator: Generator
    layouts: Sequence[BoxLayout]
    maps: MapDrawer
    seed: int
    amp: bool | None
    guard: NearnessGuard
    guidance: float = 0.0

    def layouts_of(self, number: int, count: int) -> list[BoxLayout]:
        """Return the layouts of the first frames of a segment."""
        header, chance = self.maps.header, np.random.default_rng([self.seed, number])
        return [draw_layout(self.layouts, header.size, header.patch, chance) for _ in range(count)]

    def sample_id(self, index: int) -> str:
        """Return the identity of a frame, 32 hex digits."""
        return hashlib.sha256(f"{self._draws} {index}".encode()).hexdigest()[:32]

    def segment_id(self, number: int, count: int) -> str:
        """Return the name of a segment, 32 hex digits."""
        return hashlib.sha256(f"segment {self._draws} {number} {count}".encode()).hexdigest()[:32]

    @property
    def _draws(self) -> str:
        """All that fixes frames, in words."""
        guided = f" guidance {self.guidance}" if self.guidance else ""
        return f"{self.generator.digest} {self.seed}{guided}"

    def draw(self, number: int, count: int) -> SegmentDraw:
        """Draw the frames of a segment; one that lies too near to a learned one is drawn again.

        Raises:
            ModelError: if a frame lies too near however often it is drawn.
        """
        layouts, rows, refused = self.layouts_of(number, count), {}, 0
        for places in _alike(layouts):
            drawn, again = self._far_enough(number, places, layouts)
            refused += again
            for place, codes in drawn.items():
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
        return SegmentDraw([rows[place] for place in range(count)], refused)

    def _far_enough(
        self, number: int, places: Sequence[int], layouts: Sequence[BoxLayout]
    ) -> tuple[dict[int, npt.NDArray[np.uint8]], int]:
        """Codes of frames that can be drawn together, by place, and how many draws of them were refused."""
        drawn: dict[int, npt.NDArray[np.uint8]] = {}
        todo, refused = list(places), 0
        for attempt in range(_MOST_DRAWS):
            chance = torch.Generator().manual_seed(
                hash_of(self.seed, number, places[0], *([attempt] if attempt else ()))
            )
            some = [layouts[place] for place in todo]
            codes = draw_codes(self.generator.network, some, self.maps, chance, self.amp, self.guidance)
            drawn |= zip(todo, codes.numpy(), strict=True)
            todo = [todo[near] for near in self.guard.refused(codes, some)]
            if not todo:
                return drawn, refused
            refused += len(todo)
        raise ModelError(
            f"generator {self.generator.digest[:16]} draws frames that lie nearer to learned ones than real frames do, "
            f"{_MOST_DRAWS} times for the same layout: it learned them by heart; train it for fewer `epochs`, or on "
            "more frames"
        )


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
