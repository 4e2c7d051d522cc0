"""The start that the demo's veil is fitted from: `python -m tests.accept.bench_start OUT`.

A small detector learns drawn benches on plain images (`bench_weights`), then a veil is fitted from it, against
adversaries, as `raypp fit` fits one. Encoder and detector are left unsealed, as `raypp fit --publish` leaves them: put
OUT/warm-start.safetensors into the place of raypp/demo/benches.safetensors. Its benches are none that a demo draws
(`raypp.demo.workshop.stills`). What was done is not done again, and a stopped training goes on.
"""

import argparse
from functools import partial
from pathlib import Path

import torch

from raypp.compare.images import read_images
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import holds_state, read_averages, read_state, write_state
from raypp.fit.fitting import build_fit, warm_up_codes
from raypp.fit.results import FitEpoch
from raypp.fit.settings import FitSettings
from raypp.fit.warm_start import write_warm_start
from raypp.fit.worker import adversarial_trainer
from raypp.train.loop import TrainingData, run_epochs
from raypp.train.steps import StepFile
from raypp.train.worker_context import WorkerContext
from tests.accept.bench_weights import (
    ARCHITECTURE,
    BATCH,
    CPU,
    SEED,
    SIZE,
    draw_benches,
    train_weights,
    val_batches,
    window_batches,
)
from tests.ending import interrupt_on_sigterm

_WARM_UP_STEPS = 200


def main() -> None:
    """Draw, train, fit, and write the start."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.bench_start", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--benches", type=int, default=4000, help="to draw, three images of each")
    parser.add_argument("--epochs", type=int, default=8, help="on plain images")
    parser.add_argument("--fit-epochs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=400, help=f"of an epoch, {BATCH} images each")
    options = parser.parse_args()
    out: Path = options.out.absolute()
    data = draw_benches(out, options.benches)
    weights = train_weights(out, data, options.epochs, options.steps)
    fit_start(out, data, weights, options.fit_epochs, options.steps)


def fit_start(out: Path, data: Path, weights: Path, epochs: int, steps: int) -> None:
    """Fit from plain weights; the state stays in OUT/fit, and each epoch leaves a start."""
    kept = out / "fit"
    kept.mkdir(exist_ok=True)
    images = read_images(str(data))
    settings = FitSettings(
        data=str(data),
        weights=weights,
        architecture=ARCHITECTURE,
        size=SIZE,
        epochs=epochs,
        batch=BATCH,
        nominal_batch=BATCH,
        seed=SEED,
    )
    schedule = TrainingSchedule(epochs=epochs, batch=BATCH, steps=steps, nominal_batch=BATCH, seed=SEED)
    torch.manual_seed(SEED)
    model = build_fit(settings, images.classes)
    resumed = holds_state(kept)
    batches = partial(window_batches, images.splits["train"], steps)
    if not resumed:
        warm_up = settings.model_copy(update={"warm_up": 1})
        own = partial(window_batches, images.splits["train"], _WARM_UP_STEPS)
        explained = warm_up_codes(model, warm_up, lambda epoch: own(1000 + epoch), _WARM_UP_STEPS, CPU)
        print(f"codes carry {explained:.2f} of the features' variance", flush=True)
    model.args.warmup_epochs = 0.5
    worker = WorkerContext.alone(CPU)
    trainer = adversarial_trainer(model, settings, schedule, worker)
    if resumed:
        trainer.restore(read_state(kept))
    val = partial(val_batches, images.splits["val"])
    for ended in run_epochs(trainer, TrainingData(batches, val, images.classes, SIZE), worker, StepFile(kept).write):
        write_state(kept, trainer.state())
        result = FitEpoch.of(ended.losses, ended.evaluate().scores, ended.train_s)
        print(
            f"fit {trainer.epoch}/{epochs}, {ended.train_s:.0f} s: detail {result.detail:.2f}, tone {result.tone:.2f}; "
            f"mAP50 {result.map50:.3f}, mAP50-95 {result.map50_95:.3f}",
            flush=True,
        )
        write_warm_start(settings, images.classes, read_averages(kept)[0], out)


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
