"""Work on segments that survives whatever a segment does to its worker."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from time import monotonic

from pydantic import BaseModel, ConfigDict
from threadpoolctl import threadpool_limits

from raypp.errors import ShardError, SourceReadError
from raypp.ingest.segment import Segment, SegmentResult, receipt_path
from raypp.ingest.worker import SegmentWorker, veil_segment
from raypp.shards.receipt import Receipt
from raypp.shards.store import Store

FOLDER = ".attempts"
MOST_ATTEMPTS = 3
_GROUP_MOST, _GROUP_S = 32, 1.0
"""Segments whose shards and receipts go to the disk together, and the seconds that the first waits for the last."""
_KEPT_TOGETHER = 8
"""The same of segments that are written anew."""


class Unfinished(BaseModel):
    """A segment that this run could not do, and why; it has no receipt, so the next run tries it again."""

    model_config = ConfigDict(frozen=True)

    segment_id: str
    reason: str


Attempt = SegmentResult | Unfinished


def attempt_segments(
    segments: Iterable[Segment], worker: SegmentWorker, *, again: bool = False
) -> Iterator[list[Attempt]]:
    """Veil segments one after another; yields outcomes in their order, in groups, once they are on the disk.

    A group's shards are brought to the disk first, and its receipts after them. So a segment with a receipt has its
    shard whatever is killed or loses power, and one without is done again, to the same bytes.

    Args:
        segments: the work.
        worker: the worker's veil, keys and output.
        again: whether a worker died that had them; then what has a receipt is not done again.

    Raises:
        ShardError: if the output cannot be written, since then nothing can be done.
    """
    group: list[Attempt] = []
    begun = monotonic()
    # Work is spread over processes; threads of a matrix product this small would only wait for one another.
    with threadpool_limits(1):
        for segment in segments:
            finished = _finished(segment, worker.store) if again else None
            try:
                group.append(finished or _attempt(segment, worker))
            except ShardError:
                with suppress(ShardError):  # what was done before the disk was full is not done again
                    _kept(group, worker.store)
                raise
            if len(group) == _GROUP_MOST or monotonic() - begun >= _GROUP_S:
                yield _kept(group, worker.store)
                group, begun = [], monotonic()
        if group:
            yield _kept(group, worker.store)


def forget_attempts(store: Store) -> None:
    """Remove the marks of an earlier run; call it only while holding the lock."""
    for mark in store.listing(FOLDER):
        store.delete(mark)


def _attempt(segment: Segment, worker: SegmentWorker) -> Attempt:
    """Veil a segment, or say why that cannot be done in this run.

    A worker that dies in the middle (out of memory, a fault in a decoder) is replaced and handed the segment again.
    Each attempt leaves a mark before it begins and takes it away however it ends, so a mark found tells of a death.
    One whose node was out of reach may still be at work on a segment that another was handed: both take the mark away.
    Of this run, that is: a mark need not outlive a loss of power.
    """
    mark = f"{FOLDER}/{segment.segment_id}"
    store = worker.store
    deaths = _deaths(mark, store)
    if deaths >= MOST_ATTEMPTS:
        return Unfinished(
            segment_id=segment.segment_id,
            reason=f"killed its worker {deaths} times (out of memory, or a fault in a decoder); try fewer workers, "
            "or convert or remove the file",
        )
    store.write_atomic(mark, b"%d" % (deaths + 1), durable=False)
    try:
        return veil_segment(segment, worker)
    except SourceReadError as error:
        return Unfinished(segment_id=segment.segment_id, reason=str(error))
    finally:
        store.delete(mark)


def _deaths(mark: str, store: Store) -> int:
    """Return how many workers a segment has killed: 0 without a mark, such as where another has just taken it away."""
    try:
        return int(store.read(mark))
    except ShardError:
        if store.exists(mark):
            raise
        return 0


def _finished(segment: Segment, store: Store) -> SegmentResult | None:
    """Return what a worker that died left of a segment if that is whole, else None."""
    path = receipt_path(segment.segment_id)
    if not store.exists(path):
        return None
    receipt = Receipt.from_bytes(store.read(path), f"{store.root}/{path}")
    if receipt.shard is not None and store.size(receipt.shard) != receipt.shard_bytes:
        return None
    return SegmentResult(receipt=receipt, bytes_read=0, decode_s=0.0, variant_s=0.0, veil_s=0.0, write_s=0.0)


def _kept(group: list[Attempt], store: Store) -> list[Attempt]:
    """Bring a group's shards and then its receipts to the disk; returns the group."""
    keep_receipts([outcome.receipt for outcome in group if isinstance(outcome, SegmentResult)], store)
    return group


def keep_receipts(receipts: Sequence[Receipt], store: Store) -> None:
    """Bring shards that were written, and then their receipts, to the disk; raises ShardError if that fails."""
    store.sync([receipt.shard for receipt in receipts if receipt.shard])
    store.write_together({receipt_path(receipt.segment_id): receipt.to_bytes() for receipt in receipts})


def kept_in_groups(receipts: Iterable[Receipt], store: Store) -> Iterator[list[Receipt]]:
    """Bring shards and receipts to the disk as they come, some together; yields them then.

    Raises:
        ShardError: if that fails.
    """
    coming = iter(receipts)
    while group := list(islice(coming, _KEPT_TOGETHER)):
        keep_receipts(group, store)
        yield group
