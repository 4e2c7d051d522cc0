"""Work on a segment that survives whatever the segment does to its worker."""

from pydantic import BaseModel, ConfigDict

from raypp.errors import SourceReadError
from raypp.ingest.segment import Segment, SegmentResult
from raypp.ingest.worker import SegmentWorker, veil_segment
from raypp.shards.store import Store

FOLDER = ".attempts"
MOST_ATTEMPTS = 3


class Unfinished(BaseModel):
    """A segment that this run could not do, and why; it has no receipt, so the next run tries it again."""

    model_config = ConfigDict(frozen=True)

    segment_id: str
    reason: str


Attempt = SegmentResult | Unfinished


def attempt_segment(segment: Segment, worker: SegmentWorker) -> Attempt:
    """Veil a segment, or say why that cannot be done in this run.

    A worker that dies in the middle (out of memory, a fault in a decoder) is replaced and handed the segment again.
    Each attempt leaves a mark before it begins and takes it away however it ends, so a mark found tells of a death.

    Raises:
        ShardError: if the output cannot be written, since then nothing can be done.
    """
    mark = f"{FOLDER}/{segment.segment_id}"
    store = worker.store
    deaths = int(store.read(mark)) if store.exists(mark) else 0
    if deaths >= MOST_ATTEMPTS:
        return Unfinished(
            segment_id=segment.segment_id,
            reason=f"killed its worker {deaths} times (out of memory, or a fault in a decoder); try fewer workers, "
            "or convert or remove the file",
        )
    store.write_atomic(mark, b"%d" % (deaths + 1))
    try:
        return veil_segment(segment, worker)
    except SourceReadError as error:
        return Unfinished(segment_id=segment.segment_id, reason=str(error))
    finally:
        store.delete(mark)


def forget_attempts(store: Store) -> None:
    """Remove the marks of an earlier run; call it only while holding the lock."""
    for mark in store.listing(FOLDER):
        store.delete(mark)
