"""Cutting sources into segments: ranges of long videos, and buckets of short files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from raypp.ingest.archive_id import segment_id
from raypp.ingest.expectation import expected_bytes
from raypp.ingest.segment import Item, Segment
from raypp.ingest.settings import VeilSettings
from raypp.media.sampling import cut_points
from raypp.veil.key import Keyring

_WHOLE_US = 1 << 62
_SEGMENTS_EACH = 4
_LEAST_FILES = 64


@dataclass(frozen=True)
class Cutting:
    """How sources are cut into segments.

    Attributes:
        settings: the job's settings.
        key: for the segments' names.
        workers: how many will work at once; each is to have a few segments of a set of short files.
    """

    settings: VeilSettings
    key: Keyring
    workers: int = 1


def cut_segments(items: Sequence[Item], cutting: Cutting) -> list[Segment]:
    """Cut long videos into ranges, and gather short files of one site into buckets, each at most about one shard.

    Where files are few, buckets are smaller, so that each worker has some of them.
    """
    settings, key = cutting.settings, cutting.key
    target = settings.shard_mb * 1e6
    segments: list[Segment] = []
    short: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.identity):
        parts = _ranges(item, settings, target)
        if item.info is None or (len(parts) == 1 and expected_bytes(item, settings) < target / 4):
            short.setdefault(item.site, []).append(_slim(item))
            continue
        for part, (start, end) in enumerate(parts):
            bounds = b"%d-%d" % (start, end)
            name = segment_id(key, item.site, bytes.fromhex(item.identity), bounds)
            segments.append(
                Segment(
                    segment_id=name,
                    items=(_slim(item),),
                    start_us=start,
                    end_us=end,
                    part=part,
                    parts=len(parts),
                )
            )
    most = max(_LEAST_FILES, sum(map(len, short.values())) // (_SEGMENTS_EACH * cutting.workers))
    for site, members in sorted(short.items()):
        for bucket in _buckets(members, settings, target, most):
            name = segment_id(key, site, *(bytes.fromhex(item.identity) for item in bucket))
            segments.append(Segment(segment_id=name, items=tuple(bucket), start_us=0, end_us=_WHOLE_US))
    return segments


def _ranges(item: Item, settings: VeilSettings, target: float) -> list[tuple[int, int]]:
    if item.info is None:
        return [(0, _WHOLE_US)]
    seconds = item.info.duration_us / 1e6
    per_second = expected_bytes(item, settings) / max(seconds, 1e-3)
    length_s = min(settings.segment_s, target / max(per_second, 1e-3))
    cuts = cut_points(item.info, settings.sampling, max(1, int(length_s * 1e6)))
    return list(pairwise(cuts))


def _buckets(items: list[Item], settings: VeilSettings, target: float, most: int) -> Iterator[list[Item]]:
    bucket: list[Item] = []
    filled = 0.0
    for item in items:
        bucket.append(item)
        filled += expected_bytes(item, settings)
        if filled >= target or len(bucket) == most:
            yield bucket
            bucket, filled = [], 0.0
    if bucket:
        yield bucket


def _slim(item: Item) -> Item:
    """The item without its keyframe index, which only cutting needs and which is long for long videos."""
    if item.info is None:
        return item
    return item.model_copy(update={"info": replace(item.info, keyframes_us=())})
