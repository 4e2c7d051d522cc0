"""Batches: every segment once and in order, none that hides progress for long, and few where segments are small."""

from hypothesis import given
from hypothesis import strategies as st

from raypp.geometry.rectangle import Rectangle
from raypp.ingest.attempts import Unfinished
from raypp.ingest.batches import BATCH_S, batch_of_row, batch_to_row, batches, outcomes_of_row, outcomes_to_row
from raypp.ingest.segment import Item, Segment
from raypp.ingest.source_views import SourceViews
from raypp.media.source import SourceKind

_ITEM = Item(
    url="/data/hall.mp4",
    size=1,
    mtime_ns=None,
    kind=SourceKind.VIDEO,
    identity="ab" * 32,
    source="cd" * 16,
    site="plant",
    camera="hall",
)


def _segments(count: int) -> list[Segment]:
    return [
        Segment(segment_id=f"{number:032x}", items=(_ITEM,), start_us=number, end_us=number + 1)
        for number in range(count)
    ]


def _cut(seconds: list[float], workers: int) -> list[list[float]]:
    """Cut segments of these expected seconds; return those of each batch."""
    segments = _segments(len(seconds))
    each = {segment.segment_id: expected for segment, expected in zip(segments, seconds, strict=True)}
    cut = list(batches(segments, lambda segment: each[segment.segment_id], workers))
    assert [segment for batch in cut for segment in batch] == segments
    return [[each[segment.segment_id] for segment in batch] for batch in cut]


@given(st.lists(st.floats(0, 100), max_size=200), st.integers(1, 50))
def test_every_segment_is_in_one_batch_and_long_ones_are_alone(seconds: list[float], workers: int) -> None:
    for batch in _cut(seconds, workers):
        assert batch
        assert len(batch) == 1 or sum(batch) <= BATCH_S


def test_small_segments_share_a_batch() -> None:
    cut = _cut([0.1] * 100_000, workers=4)
    assert len(cut) < 100_000 / 64
    assert sum(cut[-1]) < 1, "so that workers end at about the same time"


def test_little_work_is_shared_by_all_workers() -> None:
    cut = _cut([0.5] * 16, workers=4)
    assert len(cut) >= 12
    assert max(map(sum, cut)) <= 1


def test_batches_and_outcomes_come_back_as_they_went() -> None:
    batch = tuple(_segments(20))
    row = batch_to_row(batch)
    assert batch_of_row(row) == batch
    views = SourceViews(views={"hands": Rectangle(0.1, 1 / 3, 0.9, 1)}, whole=False)
    seen = (batch[0].model_copy(update={"items": (_ITEM.model_copy(update={"views": views}),)}),)
    assert batch_of_row(batch_to_row(seen)) == seen
    assert len(row) < 20 * len(batch[0].model_dump_json()) / 4
    outcomes = [Unfinished(segment_id=segment.segment_id, reason="cannot be read") for segment in batch]
    assert outcomes_of_row(outcomes_to_row(list(outcomes))) == outcomes
