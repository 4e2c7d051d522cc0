"""A step of a fit, against adversaries, over a step of training the same detector on the same plain images."""

import time
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.training_images import make_images
from raypp.compare.images import ImageDataset, read_images
from raypp.compare.ultralytics import UltralyticsBatches, lay_out
from raypp.detect.encoder_kind import EncoderKind
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.model import build_detector, load_public_weights
from raypp.fit.fitting import build_fit
from raypp.fit.settings import FitSettings, schedule_of
from raypp.fit.stem import stem_of
from raypp.fit.worker import adversarial_trainer
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext

Row = tuple[str, str, str]
_SIZE, _IMAGES, _STEPS = 256, 32, 8


def fit_step_rows(folder: Path) -> list[Row]:
    """CPU of a step of each, in turns, one thread."""
    torch.set_num_threads(1)
    images = read_images(str(make_images(folder / "images", _IMAGES)))
    weights = folder / "public.pt"
    torch.save({"model": build_detector("yolov8n", images.classes, None)}, weights)
    settings = FitSettings(data=str(folder / "images"), weights=weights, size=_SIZE, nominal_batch=16)
    batches = _batches(images, settings, folder / "library")
    trainers = {"plain": _plain(images, settings)} | {
        kind.value: _fitting(images, settings.model_copy(update={"encoder": kind}), batches) for kind in EncoderKind
    }
    spent: dict[str, list[float]] = {name: [] for name in trainers}
    for batch in islice(cycle(batches), _STEPS):
        for name, trainer in trainers.items():
            began = time.process_time()
            trainer.train_epoch([batch])
            spent[name].append(time.process_time() - began)
    plain = median(spent["plain"][1:])
    return [
        ("plain training, CPU a step of 16 images", f"{plain * 1e3:.0f} ms", ""),
        *(
            (f"fit, --encoder {kind.value}, over that", f"{median(spent[kind.value][1:]) / plain:.2f}", "bar <= 2.0")
            for kind in EncoderKind
        ),
    ]


def _batches(images: ImageDataset, settings: FitSettings, folder: Path) -> list[DetectionBatch]:
    folder.mkdir()
    schedule, train = schedule_of(settings, images), images.splits["train"]
    epochs = UltralyticsBatches(lay_out(images, folder), train, images.classes, schedule, settings.size, (0, 1))
    return list(epochs.epoch(0))


def _plain(images: ImageDataset, settings: FitSettings) -> Trainer:
    model = build_detector(settings.architecture, images.classes, None)
    assert settings.weights is not None
    load_public_weights(model, settings.weights)
    return Trainer(model, schedule_of(settings, images), torch.device("cpu"), augmentation=None)


def _fitting(images: ImageDataset, settings: FitSettings, batches: list[DetectionBatch]) -> Trainer:
    model, device = build_fit(settings, images.classes), torch.device("cpu")
    stem_of(model).encoder.start_from([batch.network_inputs(device) for batch in batches], np.random.default_rng(0))
    worker = WorkerContext.alone(device, lambda _metrics, _checkpoint: None)
    return adversarial_trainer(model, settings, schedule_of(settings, images), worker)
