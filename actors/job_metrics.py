"""Metrics of archive jobs and trainings, for Prometheus. Each has the id of its Ray job, and ends with it.

So all are gauges, counts among them: a node of Ray exports the counters of all jobs that ever ran on it.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import ray
from ray.util.metrics import Gauge

from actors.kept_gauges import KeptGauges
from raypp.detect.inputs.batch import DetectionBatch
from raypp.ingest.attempts import Attempt, Unfinished
from raypp.train.steps import TrainingStep
from raypp.train.worker_context import Report

_JOB = "ray_job"
"""Prometheus has a label `job` of its own."""
_LOSSES = ("box", "cls", "dfl")


def _tags() -> dict[str, str]:
    return {_JOB: ray.get_runtime_context().get_job_id()}


class ArchiveMetrics:
    """Metrics of a job that veils an archive, by what its workers have told.

    Args:
        segments: how many there are to do.
    """

    def __init__(self, segments: int) -> None:
        tags = _tags()
        self._tags = tags
        self._ended = Gauge("raypp_archive_segments", "Segments that ended, by their outcome.", (_JOB, "outcome"))
        self._left = Gauge("raypp_archive_segments_left", "Segments that have not ended.", (_JOB,))
        self._frames = Gauge("raypp_archive_frames", "Frames veiled, variants among them.", (_JOB,))
        self._read = Gauge("raypp_archive_read_bytes", "Bytes of sources read.", (_JOB,))
        self._written = Gauge("raypp_archive_shard_bytes", "Bytes of shards written.", (_JOB,))
        self._seconds = Gauge("raypp_archive_work_s", "Seconds of workers, by what they did.", (_JOB, "step"))
        self._quarantined = Gauge("raypp_archive_quarantined", "Sources that cannot be decoded.", (_JOB,))
        self._damaged = Gauge("raypp_archive_damaged_packets", "Packets of sources that are damaged.", (_JOB,))
        self._kept = KeptGauges()
        for gauge in (self._frames, self._read, self._written, self._quarantined, self._damaged):
            self._kept.set(gauge, 0, tags)
        for outcome in ("veiled", "unfinished"):
            self._kept.set(self._ended, 0, {**tags, "outcome": outcome})
        self._kept.set(self._left, segments, tags)

    def close(self) -> None:
        """Export no more."""
        self._kept.stop()

    def ended(self, outcome: Attempt) -> None:
        """Count a segment that was veiled, or could not be in this run."""
        self._kept.add(self._left, -1, self._tags)
        if isinstance(outcome, Unfinished):
            self._kept.add(self._ended, 1, {**self._tags, "outcome": "unfinished"})
            return
        self._kept.add(self._ended, 1, {**self._tags, "outcome": "veiled"})
        receipt = outcome.receipt
        counts = (
            (self._frames, receipt.frames),
            (self._read, outcome.bytes_read),
            (self._written, receipt.shard_bytes),
            (self._quarantined, len(receipt.quarantined)),
            (self._damaged, receipt.damaged_packets),
        )
        for gauge, count in counts:
            self._kept.add(gauge, count, self._tags)
        steps = {
            "decode": outcome.decode_s,
            "vary": outcome.variant_s,
            "veil": outcome.veil_s,
            "write": outcome.write_s,
        }
        for step, seconds in steps.items():
            self._kept.add(self._seconds, seconds, {**self._tags, "step": step})


class TrainingMetrics:
    """Metrics of one worker of a training.

    Args:
        rank: its number; figures of all workers together are the first one's.
        epochs: how many there will be.
    """

    def __init__(self, rank: int, epochs: int) -> None:
        self._tags = _tags()
        self._of_worker = {**self._tags, "rank": str(rank)}
        self._frames = Gauge("raypp_training_frames", "Frames trained on.", (_JOB, "rank"))
        self._done = Gauge("raypp_training_done", "Share of all epochs that is done, 0 to 1.", (_JOB,))
        self._epoch = Gauge("raypp_training_epoch", "Epoch under way, from 1.", (_JOB,))
        self._epochs = Gauge("raypp_training_epochs", "Epochs that there will be.", (_JOB,))
        self._loss = Gauge("raypp_training_loss", "Losses together, mean over the epoch's steps so far.", (_JOB,))
        self._losses = Gauge("raypp_training_epoch_loss", "A loss, mean over the last epoch.", (_JOB, "loss"))
        self._rate = Gauge("raypp_training_learning_rate", "Learning rate.", (_JOB,))
        self._map = Gauge("raypp_training_map", "Accuracy of the last epoch on the validation.", (_JOB, "iou"))
        self._kept = KeptGauges()
        if rank == 0:
            self._kept.set(self._epochs, epochs, self._tags)

    def counted(self, batches: Iterable[DetectionBatch]) -> Iterator[DetectionBatch]:
        """Pass batches on, and count their frames."""
        for batch in batches:
            self._kept.add(self._frames, len(batch), self._of_worker)
            yield batch

    def step(self, step: TrainingStep) -> None:
        """Note the last step of the first worker."""
        self._kept.set(self._epoch, step.epoch, self._tags)
        self._kept.set(self._done, step.done, self._tags)
        self._kept.set(self._loss, step.loss, self._tags)

    def reporting(self, report: Report) -> Report:
        """Return what notes an epoch of the first worker, and reports it."""

        def noted(figures: dict[str, Any], checkpoint: Any) -> None:
            for loss in _LOSSES:
                self._kept.set(self._losses, figures[f"{loss}_loss"], {**self._tags, "loss": loss})
            self._kept.set(self._rate, figures["learning_rate"], self._tags)
            for iou, figure in (("0.5", "map50"), ("0.5-0.95", "map50_95")):
                self._kept.set(self._map, figures[figure], {**self._tags, "iou": iou})
            report(figures, checkpoint)

        return noted
