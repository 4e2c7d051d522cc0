"""Groups of shards that a worker judges at a time, so that its batches are full and nobody waits. Pure."""

from collections.abc import Iterator, Sequence

from raypp.evaluate.predict import PREDICT_BATCH
from raypp.shards.receipt import Receipt

_MOST_BATCHES = 8
"""Batches of a group: so many a lost worker may have done in vain."""
_TURNS = 4


def shard_groups(receipts: Sequence[Receipt], wanted: int, workers: int) -> Iterator[tuple[str, ...]]:
    """Gather shards, in their order, into groups of about the same number of wanted frames; yields relative paths.

    Work that is less than `_TURNS` groups for each worker is cut smaller, down to one batch of a detector.

    Args:
        receipts: of all shards.
        wanted: frames, of all in the shards, that are judged. Shards are taken to hold them evenly.
        workers: how many share the work.
    """
    shards = [(receipt.shard, receipt.source_frames) for receipt in receipts if receipt.shard]
    frames = sum(count for _, count in shards)
    batches = min(_MOST_BATCHES, wanted / (PREDICT_BATCH * _TURNS * workers))
    goal = frames / max(1, wanted) * PREDICT_BATCH * max(1, batches)
    group: list[str] = []
    filled = 0
    for shard, count in shards:
        group.append(shard)
        filled += count
        if filled >= goal:
            yield tuple(group)
            group, filled = [], 0
    if group:
        yield tuple(group)
