"""Plain weights of a small detector of drawn benches: `python -m tests.accept.bench_weights OUT`.

A veil of benches can be fitted from them (`raypp fit --weights OUT/benches.pt --model yolov8p`) where there are no
public weights. They know the task, and nothing of any veil in use. All is drawn and trained from seeds. The first half
of the training is a fit, whose veil nobody uses: its bottleneck, adapter and adversaries are thrown away. Its stages
and its trunk then learn to go together, on plain images of benches. What was done is not done again, and a stopped
training goes on.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import torch

from raypp.compare.images import ImageDataset, read_images
from raypp.compare.plain import PlainFrames
from raypp.compare.ultralytics import UltralyticsBatches, lay_out
from raypp.demo.workshop.tools import BENCH_CLASSES
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.model import build_detector, load_public_weights
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import holds_state, read_averages, read_state, write_state
from raypp.detect.ultralytics import DetectionModel
from raypp.detect.warm_start import read_warm_start
from raypp.detect.warm_start_header import WARM_START_FILE, read_warm_start_header
from raypp.io.atomic import whole_file
from raypp.train.loop import TrainingData, run_epochs
from raypp.train.steps import StepFile
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext
from tests.accept.hall_stills import HALL_CLASSES, make_hall_stills, of_bench
from tests.command import succeed
from tests.ending import interrupt_on_sigterm

_FIRST = 20_000
"""Number of the first scene; those of videos, and of other stills, are others."""
_ARCHITECTURE = "yolov8p"
_SIZE, _BATCH, _VAL_BATCH, _CELL = 320, 16, 32, 8
_STEPS = 125
"""Of an epoch of plain training, which takes a third of the benches, by chance."""
_WARM_UP = 0.8
"""Epochs in which learning rates rise: what is trained has learnt before."""
_LAST_STAGE = 3
"""The last layer that a fit's stem replaces."""
_PATIENCE_S = 8 * 3600
_CPU = torch.device("cpu")


def main() -> None:
    """Draw, fit, take the veil away, train, and write the weights."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.bench_weights", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--stills", type=int, default=9000, help="images, a third of them of floors")
    parser.add_argument("--fit-epochs", type=int, default=10, help="of the fit, on all of them")
    parser.add_argument("--epochs", type=int, default=8, help=f"of plain training, of {_STEPS} steps")
    options = parser.parse_args()
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    data, start = out / "halls", out / "start.pt"
    if not (data / "data.yaml").exists():
        make_hall_stills(data, _FIRST, options.stills, options.stills // 20, _SIZE)
    _save(_unveiled(_fit(data, out, options.fit_epochs)), start)
    _train(data, start, out / "training", options.epochs)
    _save(_averaged(out / "training"), out / "benches.pt")


def _fit(data: Path, out: Path, epochs: int) -> Path:
    """Fit from random weights, as a user does; returns what that publishes."""
    random, key, fitted = out / "random.pt", out / "owner.key", out / "fitted"
    if not random.exists():
        torch.manual_seed(0)
        _save(build_detector(_ARCHITECTURE, HALL_CLASSES, None), random)
    if not key.exists():
        succeed("keygen", "--out", key)
    succeed("fit", data, "--weights", random, "--model", _ARCHITECTURE, "--key", key, "--out", fitted, "--size", _SIZE,
            "--epochs", epochs, "--batch", _BATCH, "--nominal-batch", 32, "--warm-up", 1, "--adversary", "names",
            "--hide", 1, "--on", "local", "--publish", timeout=_PATIENCE_S)  # fmt: skip
    return fitted / WARM_START_FILE


def _unveiled(published: Path) -> DetectionModel:
    """Return a plain detector of the stages and the trunk of a published fit."""
    header = read_warm_start_header(published)
    model = build_detector(header.architecture, header.classes, None)
    stem = f"model.{_LAST_STAGE}."
    stages = f"{stem}encoder.stages."
    tensors = {
        name.replace(stages, "model."): tensor
        for name, tensor in read_warm_start(published).items()
        if name.startswith(stages) or not name.startswith(stem)
    }
    model.load_state_dict(tensors)
    return model


def _train(data: Path, start: Path, out: Path, epochs: int) -> None:
    """Train on plain images of benches; the state stays in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    images = _benches(data)
    train = images.splits["train"]
    steps = min(_STEPS, len(train) // _BATCH)
    schedule = TrainingSchedule(epochs=epochs, batch=_BATCH, steps=steps, nominal_batch=_BATCH, close_mosaic=1)
    batches = UltralyticsBatches(lay_out(images, out / "laid-out"), train, images.classes, schedule, _SIZE)
    model = build_detector(_ARCHITECTURE, images.classes, None)
    load_public_weights(model, start)
    model.args.warmup_epochs = _WARM_UP
    trainer = Trainer(model, schedule, _CPU, augmentation=None)
    if holds_state(out):
        state = read_state(out)
        trainer.restore(state)
        batches.load(state.extra["recent"])
    inputs = TrainingData(batches.epoch, partial(_val, images), images.classes, _SIZE)
    for ended in run_epochs(trainer, inputs, WorkerContext.alone(_CPU), StepFile(out).write):
        write_state(out, trainer.state({"recent": batches.recent}))
        scores = ended.evaluate().scores
        print(f"epoch {trainer.epoch}/{epochs}: mAP50 {scores.map50:.3f}, mAP50-95 {scores.map50_95:.3f}", flush=True)


def _averaged(out: Path) -> DetectionModel:
    """Return the averaged detector of a training."""
    averaged = build_detector(_ARCHITECTURE, BENCH_CLASSES, None)
    averaged.load_state_dict(read_averages(out)[0])
    return averaged


def _benches(data: Path) -> ImageDataset:
    """Read the images of benches alone, with the classes that are there."""
    images = read_images(str(data))
    splits = {name: tuple(image for image in some if of_bench(image.name)) for name, some in images.splits.items()}
    return ImageDataset(images.root, BENCH_CLASSES, splits)


def _save(model: DetectionModel, path: Path) -> None:
    """Write a detector as ultralytics does, in float16."""
    with whole_file(path) as part:
        torch.save({"model": model.half(), "ema": None}, part)


def _val(images: ImageDataset) -> Iterator[DetectionBatch]:
    frames = PlainFrames(images.splits["val"], _SIZE, _CELL)
    for start in range(0, len(frames), _VAL_BATCH):
        yield frames.batch(range(start, min(start + _VAL_BATCH, len(frames))))


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
