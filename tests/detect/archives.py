"""A small veiled archive with labels, and a detector on it that finds much and knows nothing."""

from pathlib import Path

import torch

from raypp.detect.checkpoint import build_model, write_checkpoint
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.model import head_of
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from tests.command import succeed
from tests.detect.states import state_of
from tests.videos import make_dataset


def veiled_dataset(place: Path, count: int = 18, **options: object) -> Path:
    """Veil a dataset of two classes into several small shards; a third of it is the val split."""
    if not (place / "owner.key").exists():
        succeed("keygen", "--out", place / "owner.key")
    make_dataset(place / "tools", count=count)
    named = [part for name, value in options.items() for part in (f"--{name}", value)]
    succeed(
        "veil", place / "tools", "--out", place / "veiled", "--key", place / "owner.key", "--size", 96,
        "--on", "local", "--shard-mb", 0.002, *named,
    )  # fmt: skip
    return place / "veiled"


def eager_detector(archive: Path, folder: Path) -> Path:
    """Write a detector with random weights, made to take much for an object."""
    dataset = VeiledDataset.open(str(archive), None)
    info = ModelInfo.of("yolov8n", dataset, TrainingSchedule(epochs=1, batch=1, steps=1))
    torch.manual_seed(0)
    model = build_model(info)
    head = head_of(model)
    for boxes, classes in zip(head.cv2, head.cv3, strict=True):
        boxes[-1].bias.data.view(4, -1)[:, 2] = 8.0  # each edge two strides from the centre
        torch.nn.init.normal_(classes[-1].weight, std=0.2)
        classes[-1].bias.data.fill_(-2.0)
    folder.mkdir(parents=True)
    write_checkpoint(folder, info, state_of(model, epoch=1))
    return folder
