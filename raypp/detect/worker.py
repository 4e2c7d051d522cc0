"""One worker of a training: epochs of the loop, the evaluation after each, and a checkpoint that holds them."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from raypp.detect.batch import DetectionBatch
from raypp.detect.checkpoint import About, read_about, read_state, write_checkpoint
from raypp.detect.evaluation import Matcher, SampleMatches, score
from raypp.detect.model import load_public_weights
from raypp.detect.results import EpochResult, record
from raypp.detect.settings import TrainSettings
from raypp.detect.training import Trainer
from raypp.errors import ConflictError


@dataclass(frozen=True)
class Team:
    """What a worker has of the others.

    Attributes:
        rank, workers: this worker's number, and how many there are.
        device: where this worker computes.
        wrap: makes the network that averages gradients over workers; None for one worker.
        gather: gives every worker's matches to all of them.
        report: hands an epoch's figures on, and from rank 0 the folder of its checkpoint.
    """

    rank: int
    workers: int
    device: torch.device
    wrap: Callable[[Any], Any] | None
    gather: Callable[[list[SampleMatches]], list[SampleMatches]]
    report: Callable[[dict[str, Any], Path | None], None]


def train_worker(
    settings: TrainSettings,
    about: About,
    team: Team,
    train_batches: Callable[[int], Iterable[DetectionBatch]],
    val_batches: Callable[[], Iterable[DetectionBatch]],
    resume: Path | None,
) -> None:
    """Train to the last epoch, from the start or from a checkpoint.

    Args:
        settings: what was asked.
        about: what the training is on.
        team: the other workers.
        train_batches: this worker's share of an epoch's batches, by number of the epoch from 0.
        val_batches: this worker's share of the validation frames.
        resume: folder of the checkpoint to go on from, or None.

    Raises:
        ConflictError: if the checkpoint is of another training.
        ModelError: if the weights do not fit or the loss is not a number.
    """
    torch.manual_seed(settings.seed)
    model = about.build()
    if settings.weights is not None:
        load_public_weights(model, settings.weights)
    trainer = Trainer(model, about.recipe, team.device, team.workers, team.rank, team.wrap)
    if resume is not None:
        found = read_about(resume)
        if found != about:
            raise ConflictError(f"run {settings.out} holds another training ({found.veil_id}); choose another --out")
        trainer.restore(read_state(resume))
    started = monotonic()
    while trainer.epoch < about.recipe.epochs:
        losses = trainer.train_epoch(train_batches(trainer.epoch))
        matches = team.gather(Matcher(trainer.ema.ema, about.size, team.device).match(val_batches()))
        result = EpochResult.of(losses, score(matches, about.classes), monotonic() - started)
        if team.rank:
            team.report(result.model_dump(), None)
            continue
        with tempfile.TemporaryDirectory() as folder:
            write_checkpoint(Path(folder), about, trainer.state())
            team.report(result.model_dump(), Path(folder))
        record(settings.out, result)
