from raypp.evaluate.predict import PREDICT_BATCH
from raypp.evaluate.shard_groups import shard_groups
from raypp.shards.receipt import Receipt


def _receipts(*frames: int) -> list[Receipt]:
    """Receipts of shards 0.parquet, 1.parquet ... that hold so many frames; none of a segment without a frame."""
    return [
        Receipt(
            segment_id=f"{number:032x}", shard=f"{number}.parquet" if count else None, shard_sha256="", shard_bytes=1,
            content_sha256="", frames=count, part=0, parts=1, sources=(), first_timestamp_us=None,
            last_timestamp_us=None, decoded_digest="", quarantined=(), damaged_packets=0, veil_id="ab" * 16,
        )
        for number, count in enumerate(frames)
    ]  # fmt: skip


def test_each_shard_is_in_one_group_and_keeps_its_place() -> None:
    groups = list(shard_groups(_receipts(5, 0, 700, 64, 64, 1), 834, workers=2))
    assert [shard for group in groups for shard in group] == [f"{number}.parquet" for number in (0, 2, 3, 4, 5)]


def test_much_work_goes_in_groups_of_a_few_batches_and_little_in_groups_of_one() -> None:
    frames = [16] * 1000
    much = list(shard_groups(_receipts(*frames), 16_000, workers=2))
    assert {len(group) for group in much[:-1]} == {8 * PREDICT_BATCH // 16}
    few = list(shard_groups(_receipts(*frames[:32]), 512, workers=4))
    assert {len(group) for group in few} == {PREDICT_BATCH // 16}


def test_a_split_that_is_a_part_of_the_frames_fills_batches_too() -> None:
    tenth = list(shard_groups(_receipts(*[16] * 40), 64, workers=4))
    assert {len(group) for group in tenth} == {PREDICT_BATCH // 16 * 10}
    assert list(shard_groups([], 10, workers=1)) == []
