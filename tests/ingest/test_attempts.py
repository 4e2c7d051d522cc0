"""Segments veiled in groups: what is on the disk when, and what a segment that was begun before comes to."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from raypp.ingest.attempts import FOLDER, MOST_ATTEMPTS, Attempt, Unfinished, attempt_segments
from raypp.ingest.job import VeilJob, open_job, veil_here
from raypp.ingest.segment import Segment, SegmentResult, receipt_path
from raypp.ingest.settings import VeilSettings
from raypp.ingest.worker import SegmentWorker, veil_segment
from raypp.progress import SILENT
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from tests.videos import make_video

SECONDS = 6


@pytest.fixture
def job(tmp_path: Path) -> Iterator[VeilJob]:
    """A job of one segment for each second of a video."""
    save_owner_key(VeilKey.generate(), tmp_path / "owner.key")
    video = make_video(tmp_path / "in" / "hall.mp4", seconds=SECONDS)
    settings = VeilSettings(out=str(tmp_path / "out"), key_path=tmp_path / "owner.key", size=160, segment_s=0.6)
    with open_job(settings, [str(video)], SILENT) as job:
        assert len(job.pending) == SECONDS
        yield job


def _attempt(job: VeilJob, again: bool = False) -> list[Attempt]:
    return [outcome for group in attempt_segments(job.pending, job.worker, again=again) for outcome in group]


@contextmanager
def _disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Path]]]:
    """Record what is done to the disk within the block, in its order: what is synced, and what appears."""
    done: list[tuple[str, Path]] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        sync(descriptor)
        done.append(("synced", path))

    def appears(part: Path, target: Path) -> Path:
        done.append(("whole", part))
        whole = replace(part, target)
        done.append(("appears", target))
        return whole

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", synced)
        patched.setattr(Path, "replace", appears)
        yield done


def test_a_receipt_appears_once_its_shard_and_the_shard_s_name_are_on_the_disk(
    job: VeilJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Path(job.settings.out)
    with _disk(monkeypatch) as done:
        outcomes = _attempt(job)
    assert len(outcomes) == SECONDS
    for outcome in outcomes:
        assert isinstance(outcome, SegmentResult)
        assert outcome.receipt.shard
        shard, receipt = out / outcome.receipt.shard, out / receipt_path(outcome.receipt.segment_id)
        named = done.index(("appears", shard))
        written = done.index(("appears", receipt))
        assert ("synced", shard) in done[named:written]
        assert ("synced", shard.parent) in done[named:written]
        (part,) = (
            path for kind, path in done[:written] if kind == "whole" and path.name.startswith(f".{receipt.name}")
        )
        assert ("synced", part) in done[: done.index(("whole", part))]
        assert ("synced", receipt.parent) in done[written:]


def test_shards_go_to_the_disk_in_groups(job: VeilJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypp.ingest.attempts._GROUP_MOST", 4)
    monkeypatch.setattr("raypp.ingest.attempts._GROUP_S", 60.0)
    with _disk(monkeypatch) as done:
        groups = list(attempt_segments(job.pending, job.worker))
    assert [len(group) for group in groups] == [4, 2]
    folder = Path(job.settings.out, "receipts")
    assert done.count(("synced", folder)) == len(groups)


def test_a_segment_that_takes_long_waits_for_no_other(job: VeilJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raypp.ingest.attempts._GROUP_S", 0.0)
    for group in attempt_segments(job.pending, job.worker):
        (outcome,) = group
        assert isinstance(outcome, SegmentResult)
        assert job.worker.store.exists(receipt_path(outcome.receipt.segment_id))


def test_what_a_dead_worker_finished_is_not_done_again(job: VeilJob) -> None:
    first = _attempt(job)
    store = job.worker.store
    lost, cut = (outcome.receipt for outcome in first[:2] if isinstance(outcome, SegmentResult))
    assert lost.shard
    assert cut.shard
    store.delete(lost.shard)
    store.write_atomic(cut.shard, store.read(cut.shard)[:-1])
    again = _attempt(job, again=True)
    assert [outcome.receipt for outcome in again if isinstance(outcome, SegmentResult)] == [
        outcome.receipt for outcome in first if isinstance(outcome, SegmentResult)
    ]
    decoded = [outcome.decode_s > 0 for outcome in again if isinstance(outcome, SegmentResult)]
    assert decoded == [True, True, False, False, False, False], "a receipt counts with its shard alone"
    assert store.size(lost.shard) == lost.shard_bytes
    assert store.size(cut.shard) == cut.shard_bytes


def test_a_segment_that_killed_its_workers_is_given_up_and_costs_no_other(job: VeilJob) -> None:
    deadly = job.pending[2].segment_id
    job.worker.store.write_atomic(f"{FOLDER}/{deadly}", b"%d" % MOST_ATTEMPTS)
    outcomes = _attempt(job)
    (given_up,) = (outcome for outcome in outcomes if isinstance(outcome, Unfinished))
    assert given_up.segment_id == deadly
    assert f"killed its worker {MOST_ATTEMPTS} times" in given_up.reason
    assert not job.worker.store.exists(receipt_path(deadly))
    assert sum(isinstance(outcome, SegmentResult) for outcome in outcomes) == SECONDS - 1


def test_two_workers_on_a_segment_may_both_end_it(job: VeilJob, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, both = veil_segment, iter([True])

    def meanwhile(segment: Segment, worker: SegmentWorker) -> SegmentResult:
        if next(both, False):  # another worker does the same segment, and ends it first
            assert len(list(attempt_segments([segment], worker))) == 1
            assert not worker.store.exists(f"{FOLDER}/{segment.segment_id}")
        return whole(segment, worker)

    monkeypatch.setattr("raypp.ingest.attempts.veil_segment", meanwhile)
    outcomes = _attempt(job)
    assert all(isinstance(outcome, SegmentResult) for outcome in outcomes)
    assert len(outcomes) == SECONDS


def test_what_a_killed_worker_left_stays_in_no_archive(job: VeilJob) -> None:
    part = Path(job.settings.out, "receipts", ".0123.json.4567.tmp")

    def execute(segments: Sequence[Segment], settings: VeilSettings) -> Iterator[Attempt]:
        part.parent.mkdir()
        part.write_bytes(b"half of a receipt")
        yield from veil_here(segments, settings)

    done = job.run(execute, SILENT, None, None)
    assert done.segments_veiled == SECONDS
    assert not part.exists()
