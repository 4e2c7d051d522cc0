from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from raypp.errors import ShardError
from raypp.geometry.boxes import Box
from raypp.shards.labels import SampleLabels, write_labels
from raypp.shards.manifest import compile_manifest
from raypp.shards.schema import HEADER_FILE
from raypp.shards.store import Store
from raypp.shards.verification import verify
from tests.shards.archives import VEIL_ID, header, row, segment, shard_path, write_archive, write_segment


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(str(tmp_path / "out"))
    write_archive(opened)
    return opened


def _only_problem(store: Store, *words: str) -> None:
    problems = verify(store.root).problems
    assert len(problems) == 1, problems
    for word in words:
        assert word in problems[0]


def test_a_whole_archive_has_no_problems(store: Store) -> None:
    write_labels(store, "v1", ("saw",), VEIL_ID, [SampleLabels(row(3).sample_id, "train", ())])
    seen = []
    report = verify(store.root, progress=lambda done, total: seen.append((done, total)))
    assert report.problems == ()
    assert (report.shards, report.frames, report.quarantined) == (3, 15, 0)
    assert report.bytes == sum(store.size(shard_path(number)) or 0 for number in range(3))
    assert report.label_versions == ("v1",)
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("spelling", ["{}/", "{}//", "file://{}"])
def test_a_root_spelled_otherwise_is_the_same_archive(spelling: str, store: Store) -> None:
    assert verify(spelling.format(store.root)).problems == ()


def test_any_flipped_byte_is_found_and_its_shard_named(store: Store) -> None:
    whole = store.read(shard_path(1))
    for place in np.random.default_rng(0).integers(0, len(whole), 12):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        store.write_atomic(shard_path(1), bytes(flipped))
        _only_problem(store, shard_path(1), "altered")


def test_a_deleted_shard_is_named(store: Store) -> None:
    store.delete(shard_path(1))
    _only_problem(store, shard_path(1), "missing")


def test_a_copied_shard_is_named(store: Store) -> None:
    store.write_atomic(f"shards/00/{segment(9)}.parquet", store.read(shard_path(0)))
    _only_problem(store, segment(9), "in no receipt")


def test_swapped_shards_are_both_named(store: Store) -> None:
    first, second = (store.read(shard_path(number)) for number in (0, 1))
    store.write_atomic(shard_path(0), second)
    store.write_atomic(shard_path(1), first)
    problems = verify(store.root).problems
    assert len(problems) == 2
    assert all(shard_path(number) in line for number, line in enumerate(problems))


def test_a_sample_in_two_shards_is_named(store: Store) -> None:
    write_segment(store, 5, [row(2, source="other")])
    compile_manifest(store, header())
    _only_problem(store, row(2).sample_id, "twice")


def test_a_shard_of_another_veil_is_named_even_with_a_matching_receipt(store: Store) -> None:
    foreign = header("ef" * 16)
    receipt = write_segment(store, 5, [row(50, source="other")], archive=foreign)
    store.write_atomic(f"receipts/{segment(5)}.json", receipt.model_copy(update={"veil_id": VEIL_ID}).to_bytes())
    compile_manifest(store, header())
    _only_problem(store, shard_path(5), "ef" * 16, VEIL_ID)


def test_a_receipt_that_lies_is_found(store: Store) -> None:
    receipt = write_segment(store, 5, [row(50, source="other")])
    for change, word in (({"frames": 2}, "2"), ({"content_sha256": "0" * 64}, "content digest")):
        store.write_atomic(f"receipts/{segment(5)}.json", receipt.model_copy(update=change).to_bytes())
        compile_manifest(store, header())
        _only_problem(store, shard_path(5), word)


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    store.write_atomic(HEADER_FILE, header().to_bytes())
    for part in (0, 2):
        write_segment(store, part, [row(part)], part, 3)
    compile_manifest(store, header())
    _only_problem(store, "video", "parts [1] of 3")


def test_a_part_there_twice_is_named(store: Store) -> None:
    write_segment(store, 6, [row(60)], 2, 3)
    compile_manifest(store, header())
    _only_problem(store, "video", "part is there twice")


def test_views_that_were_added_have_parts_of_their_own(store: Store) -> None:
    """The archive's video has three parts; of those of its view, one is missing."""
    hands = [row(number, camera="gate.hands", sample_id=f"{100 + number:032x}") for number in range(15)]
    for part in (0, 2):
        write_segment(store, 6 + part, hands[5 * part : 5 * part + 5], part, 3)
    compile_manifest(store, header())
    _only_problem(store, "video", "parts [1] of 3")
    write_segment(store, 7, hands[5:10], 1, 3)
    compile_manifest(store, header())
    assert verify(store.root).problems == ()
    write_segment(store, 9, [replace(hands[14], sample_id=f"{200:032x}", timestamp_us=10**6)], 2, 3)
    compile_manifest(store, header())
    _only_problem(store, "video", "part is there twice")


def test_views_of_a_frame_follow_one_another_in_a_shard(store: Store) -> None:
    both = [
        row(50 + number + 100 * (camera != "gate"), source="other", camera=camera, timestamp_us=number)
        for number in range(3)
        for camera in ("gate", "gate.hands")
    ]
    write_segment(store, 5, both)
    compile_manifest(store, header())
    assert verify(store.root).problems == ()
    write_segment(store, 5, [*both[:4], both[5], both[3]])
    compile_manifest(store, header())
    assert any("order of time" in problem for problem in verify(store.root).problems)


@pytest.mark.parametrize("numbers", [(1, 0), (0, 0)])
def test_time_that_does_not_rise_is_found_within_a_shard(numbers: tuple[int, int], store: Store) -> None:
    rows = [row(50 + index, source="other", timestamp_us=number) for index, number in enumerate(numbers)]
    write_segment(store, 5, rows)
    compile_manifest(store, header())
    _only_problem(store, shard_path(5), "order of time")


def test_time_that_does_not_rise_is_found_across_parts(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    store.write_atomic(HEADER_FILE, header().to_bytes())
    write_segment(store, 0, [row(0, timestamp_us=0), row(1, timestamp_us=100)], 0, 2)
    write_segment(store, 1, [row(2, timestamp_us=100), row(3, timestamp_us=200)], 1, 2)
    compile_manifest(store, header())
    _only_problem(store, "video", "part 1 begins before")


def _with_variants(root: Path, *order: tuple[int, int], variants: int = 2) -> Store:
    """An archive of one shard whose rows are (number of the frame, variant), in this order."""
    store = Store(str(root / "out"))
    archive = header(variants=2)
    store.write_atomic(HEADER_FILE, archive.to_bytes())
    rows = [
        row(10 * frame + variant, timestamp_us=frame, variant=variant, variants=variants) for frame, variant in order
    ]
    write_segment(store, 0, rows, archive=archive)
    compile_manifest(store, archive)
    return store


def test_frames_with_all_their_variants_are_whole(tmp_path: Path) -> None:
    store = _with_variants(tmp_path, *((frame, variant) for frame in range(3) for variant in range(3)))
    labels = [SampleLabels(row(11).sample_id, "train", (), 1)]
    write_labels(store, "v1", ("saw",), VEIL_ID, labels)
    report = verify(store.root)
    assert report.problems == ()
    assert (report.frames, report.variants) == (3, 6)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)], ["at 0 us has 1 variants, not 2"]),
        ([(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)], ["at 1 us has 1 variants, not 2"]),
        ([(0, 1), (0, 2)], [row(1).sample_id, "does not follow"]),
        ([(0, 0), (0, 2)], [row(2).sample_id, "does not follow"]),
        ([(1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)], ["order of time"]),
    ],
)
def test_a_variant_that_is_missing_or_out_of_place_is_named(
    order: list[tuple[int, int]], words: list[str], tmp_path: Path
) -> None:
    _only_problem(_with_variants(tmp_path, *order), shard_path(0), *words)


def test_more_variants_than_the_archive_has_are_found(tmp_path: Path) -> None:
    store = _with_variants(tmp_path, *((0, variant) for variant in range(4)), variants=3)
    problems = verify(store.root).problems
    assert len(problems) == 4
    assert all("of 3, but frames of this archive have 2 at most" in problem for problem in problems)


def test_labels_of_another_variant_are_found(tmp_path: Path) -> None:
    store = _with_variants(tmp_path, (0, 0), (0, 1), (0, 2))
    write_labels(store, "v1", ("saw",), VEIL_ID, [SampleLabels(row(1).sample_id, "train", (), 2)])
    _only_problem(store, "labels v1", "1 labelled samples are other variants")


def test_a_receipt_that_counts_variants_wrongly_is_found(tmp_path: Path) -> None:
    store = _with_variants(tmp_path, (0, 0), (0, 1), (0, 2))
    receipt = write_segment(store, 5, [row(50, source="other")], archive=header(variants=2))
    lie = receipt.model_copy(update={"variants": 1})
    store.write_atomic(f"receipts/{segment(5)}.json", lie.to_bytes())
    compile_manifest(store, header(variants=2))
    _only_problem(store, shard_path(5), "1 frames and 0 variants, its receipt says 0 and 1")


def test_a_code_of_the_wrong_length_is_found(store: Store) -> None:
    wrong = row(50, source="other")
    write_segment(store, 5, [replace(wrong, code=wrong.code[:-1])])
    compile_manifest(store, header())
    _only_problem(store, wrong.sample_id, "code bytes")


def test_an_unfinished_extension_is_one_problem_and_its_shard_no_stranger(store: Store) -> None:
    write_segment(store, 5, [row(50, source="other")])
    _only_problem(store, "1 receipts", "run it again")


def test_an_archive_that_was_never_finished_says_so(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "out"))
    write_segment(store, 5, [row(50)])
    with pytest.raises(ShardError, match="no job has finished there; run"):
        verify(store.root)


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (lambda store: store.delete(HEADER_FILE), "missing"),
        (lambda store: store.write_atomic(HEADER_FILE, b"{}"), "damaged"),
        (lambda store: store.write_atomic(HEADER_FILE, header("ef" * 16).to_bytes()), "ef" * 16),
    ],
)
def test_an_archive_header_that_is_not_the_manifests_is_found(
    damage: Callable[[Store], None], word: str, store: Store
) -> None:
    damage(store)
    _only_problem(store, HEADER_FILE, word)


def test_labels_of_unknown_samples_or_another_veil_are_found(store: Store) -> None:
    boxes = (Box(0, 0.5, 0.5, 0.1, 0.1),)
    write_labels(store, "v1", ("saw",), VEIL_ID, [SampleLabels("f" * 32, "train", boxes)])
    _only_problem(store, "labels v1", "1 labelled samples are in no shard")
    write_labels(store, "v2", ("saw",), "ef" * 16, [SampleLabels(row(0).sample_id, "train", boxes)])
    assert any("labels v2" in line and "ef" * 16 in line for line in verify(store.root).problems)


def test_a_damaged_label_table_is_named(store: Store) -> None:
    store.write_atomic("labels/v1/labels.parquet", b"nothing")
    _only_problem(store, "labels/v1/labels.parquet", "damaged")
