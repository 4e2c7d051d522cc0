"""One worker of a fit: warm-up, epochs of detector against adversaries, and a checkpoint after each."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, cast

import torch
from torch import Tensor

from raypp.compare.images import ImageDataset, read_images
from raypp.compare.plain import PlainFrames
from raypp.compare.ultralytics import LibraryBatches, lay_out
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.schedule import Recipe
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import OptionError
from raypp.evaluate.metrics import Matcher, score
from raypp.fit.adversary import Adversary
from raypp.fit.checkpoints import PART, RUNNING
from raypp.fit.fitting import build_fit, start_codes
from raypp.fit.results import FitEpoch
from raypp.fit.settings import FitSettings, recipe_of
from raypp.fit.stem import AdversarialNetwork, Hidden, stem_of
from raypp.io.atomic import whole_file
from raypp.io.private import private_folder
from raypp.train.results import record
from raypp.train.trainer import Trainer
from raypp.train.worker import Team

STATE_FILE = "state.pt"
_VAL_BATCH = 32


def fit_worker(settings: FitSettings, out: Path, team: Team, resume: Path | None) -> None:
    """Fit to the last epoch, from the start or from a checkpoint.

    Args:
        settings: what was asked.
        out: folder of the fit, which rank 0 writes its epochs into.
        team: the other workers; with several, its `wrap` averages gradients.
        resume: folder of the checkpoint to go on from, or None.

    Raises:
        ModelError: if the weights do not fit, or the loss is not a number.
        OptionError: if there are fewer training images than a batch takes.
    """
    images = read_images(settings.data)
    recipe = recipe_of(settings, images)
    torch.manual_seed(settings.seed)
    model = build_fit(settings, images.classes)
    with tempfile.TemporaryDirectory() as folder:
        data = lay_out(images, Path(folder))
        share = (team.rank, team.workers)

        def batches(schedule: Recipe) -> LibraryBatches:
            train = images.splits["train"]
            return LibraryBatches(data, train, images.classes, schedule, settings.size, share)

        if resume is None:
            warm_up = recipe.model_copy(update={"epochs": settings.warm_up + recipe.close_mosaic})
            start_codes(model, settings, batches(warm_up).epoch, recipe.steps, team.device)
        trainer = _trainer(model, settings, recipe, team)
        if resume is not None:
            trainer.restore(torch.load(resume / STATE_FILE, map_location=team.device, weights_only=True))
        epochs = batches(recipe)
        started = monotonic()
        while trainer.epoch < settings.epochs:
            losses = trainer.train_epoch(epochs.epoch(trainer.epoch))
            _restart_one(trainer, settings)
            matcher = Matcher(trainer.ema.ema, settings.size, team.device)
            matches = team.gather(matcher.match(_val_batches(images, settings, team)))
            result = FitEpoch.of(losses, score(matches, images.classes), monotonic() - started)
            if team.rank:
                team.report(result.model_dump(), None)
                continue
            record(out, result)  # before its checkpoint: else an epoch that a crash cuts here would be missing
            # Nowhere else than where the end of the fit deletes: after a kill it would stay in /tmp for ever.
            with tempfile.TemporaryDirectory(prefix=PART, dir=private_folder(out / RUNNING)) as checkpoint:
                torch.save(trainer.state(), Path(checkpoint) / STATE_FILE)
                team.report(result.model_dump(), Path(checkpoint))


def fit_here(settings: FitSettings, out: Path) -> Path:
    """Fit in this process; the last checkpoint is kept in the fit's folder."""
    if settings.workers > 1:
        raise OptionError(f"`workers` {settings.workers} fit together on Ray; in this process there is one")
    kept = private_folder(out / RUNNING)

    def report(_metrics: dict[str, object], checkpoint: Path | None) -> None:
        if checkpoint is not None:
            with whole_file(kept / STATE_FILE, private=True) as part:
                shutil.copyfile(checkpoint / STATE_FILE, part)

    team = Team.alone(torch.device("cuda" if settings.gpu else "cpu"), report)
    fit_worker(settings, out, team, kept if (kept / STATE_FILE).exists() else None)
    return kept


def fitted_weights(folder: Path) -> dict[str, Tensor]:
    """Return the averaged weights of a checkpoint that a fit left."""
    state: dict[str, dict[str, Tensor]] = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    return state["ema"]


def _trainer(model: DetectionModel, settings: FitSettings, recipe: Recipe, team: Team) -> Trainer:
    hidden = Hidden(settings.hide, settings.tone, settings.rate)

    def wrap(detector: Any) -> Any:
        network = AdversarialNetwork(detector, hidden)
        return team.wrap(network) if team.wrap else network

    return Trainer(
        model,
        recipe,
        team.device,
        team.workers,
        team.rank,
        wrap,
        augmentation=None,
        rates={Adversary: settings.adversary_rate},
    )


def _restart_one(trainer: Trainer, settings: FitSettings) -> None:
    """Let one adversary in turn start anew: what has learnt beside an encoder is blind to ways it left long ago."""
    every, epoch = settings.restart, trainer.epoch
    if not every or epoch % every or epoch >= settings.epochs:
        return
    adversaries = stem_of(trainer.model).adversaries
    chosen = cast("Adversary", adversaries[(epoch // every - 1) % len(adversaries)])
    torch.manual_seed(settings.seed * 1_000_003 + epoch)  # alike on every worker
    chosen.restart()
    trainer.forget(chosen)


def _val_batches(images: ImageDataset, settings: FitSettings, team: Team) -> Iterator[DetectionBatch]:
    frames = PlainFrames(images.splits["val"], settings.size, settings.patch)
    for start in range(team.rank * _VAL_BATCH, len(frames), _VAL_BATCH * team.workers):
        yield frames.batch(range(start, min(start + _VAL_BATCH, len(frames))))
