"""Plain weights of a small detector of drawn benches: `python -m tests.accept.bench_weights OUT`.

A veil of benches can be fitted from them (`raypp fit --weights OUT/benches.pt --model yolov8p`) where there are no
public weights. They know the task, and nothing of any veil. All is drawn and trained from seeds. What was done is not
done again, and a stopped training goes on.
"""

import argparse
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from raypp.compare.images import LabelledImage, read_images
from raypp.compare.plain import PlainFrames
from raypp.demo.workshop.stills import MOMENTS, Drawn, draw_archive
from raypp.demo.workshop.tools import CLASSES
from raypp.detect.inputs.batch import DetectionBatch, labelled_batch
from raypp.detect.model import build_detector
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import holds_state, read_averages, read_state, write_state
from raypp.detect.ultralytics import DetectionModel
from raypp.io.atomic import whole_file
from raypp.media.frame import PADDING
from raypp.train.loop import TrainingData, run_epochs
from raypp.train.steps import StepFile
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext
from tests.ending import interrupt_on_sigterm

SEED = 20_000
"""Of the benches; archives that veils are fitted to, and videos, have seeds of their own."""
ARCHITECTURE = "yolov8p"
SIZE, _ROWS, _CELL = 320, 192, 8
"""Side of the square that is validated on; rows of the window that is trained on, without what pads the square."""
BATCH, _VAL_BATCH = 8, 32
_VAL_BENCHES = 100
CPU = torch.device("cpu")


def main() -> None:
    """Draw, train, and write the weights."""
    parser = argparse.ArgumentParser(prog="python -m tests.accept.bench_weights", description=__doc__)
    parser.add_argument("out", type=Path, help="folder of all that is made")
    parser.add_argument("--benches", type=int, default=1900, help=f"benches, {MOMENTS} images of each")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=350, help=f"of an epoch, {BATCH} images each")
    options = parser.parse_args()
    train_weights(options.out, draw_benches(options.out, options.benches), options.epochs, options.steps)


def draw_benches(out: Path, count: int) -> Path:
    """Draw the archive, unless it is there; returns its folder."""
    data = out / "benches"
    if not (data / "data.yaml").exists():
        draw_archive(data, SEED, count, _VAL_BENCHES, drawn=Drawn.PUBLISHED)
    return data


def train_weights(out: Path, data: Path, epochs: int, steps: int) -> Path:
    """Train on an archive, and write the weights; returns their file."""
    path = out / "benches.pt"
    _train(data, out / "training", epochs, steps)
    averaged = build_detector(ARCHITECTURE, CLASSES, None)
    averaged.load_state_dict(read_averages(out / "training")[0])
    _save(averaged, path)
    return path


def _train(data: Path, out: Path, epochs: int, steps: int) -> None:
    """Train on plain images; the state stays in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    images = read_images(str(data))
    schedule = TrainingSchedule(epochs=epochs, batch=BATCH, steps=steps, nominal_batch=BATCH)
    torch.manual_seed(SEED)
    model = build_detector(ARCHITECTURE, images.classes, None)
    model.args.warmup_epochs = 0.5
    trainer = Trainer(model, schedule, CPU, augmentation=None)
    if holds_state(out):
        trainer.restore(read_state(out))
    inputs = TrainingData(
        partial(window_batches, images.splits["train"], steps),
        partial(val_batches, images.splits["val"]),
        images.classes,
        SIZE,
    )
    for ended in run_epochs(trainer, inputs, WorkerContext.alone(CPU), StepFile(out).write):
        write_state(out, trainer.state())
        scores = ended.evaluate().scores
        print(
            f"epoch {trainer.epoch}/{epochs}, {ended.train_s:.0f} s: mAP50 {scores.map50:.3f}, "
            f"mAP50-95 {scores.map50_95:.3f}",
            flush=True,
        )


def window_batches(images: Sequence[LabelledImage], steps: int, epoch: int) -> Iterator[DetectionBatch]:
    """Yield batches of an epoch, each image as it is or mirrored."""
    chance = np.random.default_rng([SEED, epoch])
    order = np.concatenate([chance.permutation(len(images)) for _ in range(-(-steps * BATCH // len(images)))])
    for step in range(steps):
        inputs = np.full((BATCH, _ROWS, SIZE, 3), PADDING, dtype=np.uint8)
        boxes: list[tuple[float, ...]] = []
        chosen = [images[int(number)] for number in order[step * BATCH : (step + 1) * BATCH]]
        for row, image in enumerate(chosen):
            pixels = np.asarray(Image.open(image.path))
            mirrored = chance.random() < 0.5
            height = len(pixels)
            top = (_ROWS - height) // 2
            inputs[row, top : top + height] = pixels[:, ::-1] if mirrored else pixels
            for box in image.boxes:
                x = 1 - box.x if mirrored else box.x
                boxes.append((row, box.class_id, x, (box.y * height + top) / _ROWS, box.w, box.h * height / _ROWS))
        names = tuple(image.name for image in chosen)
        yield labelled_batch(np.ascontiguousarray(inputs.transpose(0, 3, 1, 2)), boxes, names, plain=True)


def val_batches(images: Sequence[LabelledImage]) -> Iterator[DetectionBatch]:
    frames = PlainFrames(images, SIZE, _CELL)
    for start in range(0, len(frames), _VAL_BATCH):
        yield frames.batch(range(start, min(start + _VAL_BATCH, len(frames))))


def _save(model: DetectionModel, path: Path) -> None:
    """Write a detector as ultralytics does, in float16."""
    with whole_file(path) as part:
        torch.save({"model": model.half(), "ema": None}, part)


if __name__ == "__main__":
    interrupt_on_sigterm()
    main()
