"""The loop over epochs, the same one for trainings, fits and arms of a comparison, alone and on Ray."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from raypp.detect.inputs.batch import DetectionBatch
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.metrics import DetectionMatcher, score
from raypp.evaluate.scores import Scores
from raypp.train.results import EpochLosses
from raypp.train.steps import OnStep, steps_told
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext


@dataclass(frozen=True)
class TrainingData:
    """One worker's share of what is trained and evaluated on.

    Attributes:
        train: batches of an epoch, by its number from 0.
        val: batches of the validation.
        classes: names of the classes.
        size: side of the letterboxed square, in pixels.
    """

    train: Callable[[int], Iterable[DetectionBatch]]
    val: Callable[[], Iterable[DetectionBatch]]
    classes: tuple[str, ...]
    size: int


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of the averaged weights.

    Attributes:
        scores: of all workers' matches.
        matches: of all workers, one entry a sample.
        matcher: runs the averaged detector.
    """

    scores: Scores
    matches: list[SampleMatches]
    matcher: DetectionMatcher


@dataclass(frozen=True)
class EndedEpoch:
    """An epoch whose training has ended.

    Attributes:
        losses: this worker's.
        train_s: seconds of its training.
        evaluate: evaluates the averaged weights; where one worker calls it, all do.
    """

    losses: EpochLosses
    train_s: float
    evaluate: Callable[[], Evaluation]


def run_epochs(
    trainer: Trainer, data: TrainingData, worker: WorkerContext, on_step: OnStep | None = None
) -> Iterator[EndedEpoch]:
    """Train from where the trainer stands to the last epoch of its schedule; yields after each, for a checkpoint.

    Args:
        trainer: what is trained: new, or restored from a state.
        data: this worker's share.
        worker: its place; the matches of all workers are evaluated together.
        on_step: is told of each step of the first worker.

    Raises:
        ModelError: if a loss is not a number.
    """
    while trainer.epoch < trainer.schedule.epochs:
        on_loss = None
        if on_step is not None and worker.rank == 0:
            on_loss = steps_told(trainer.epoch + 1, trainer.schedule.epochs, trainer.schedule.steps, on_step)
        begun = perf_counter()
        losses = trainer.train_epoch(data.train(trainer.epoch), on_loss)
        yield EndedEpoch(losses, perf_counter() - begun, partial(_evaluate, trainer, data, worker))


def _evaluate(trainer: Trainer, data: TrainingData, worker: WorkerContext) -> Evaluation:
    matcher = DetectionMatcher(trainer.ema.ema, data.size, worker.device)
    matches = worker.gather(matcher.match(data.val()))
    return Evaluation(score(matches, data.classes), matches, matcher)
