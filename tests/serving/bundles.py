"""Small detectors as bundles, made without training: they find much and know nothing."""

from pathlib import Path

import numpy as np
import torch

from raypp.bench.sample_bundle import CLASSES, sample_info, write_sample_bundle
from raypp.detect.checkpoint import build_model
from raypp.detect.model import head_of
from raypp.detect.model_info import ModelInfo
from raypp.detect.ultralytics import DetectionModel
from raypp.serving.model import FrameBlock
from raypp.veil.packing import Codes
from raypp.veil.spec import PatchSpec, VeilSpec
from raypp.wire.grid import CellGrid

SPEC = PatchSpec(channels=8, bits=2, sub_keys=3)
SIZE = 160
VEIL = "ab" * 16
WIDTH, HEIGHT = 320, 180


def write_eager_bundle(path: Path, seed: int = 0, veil_id: str = VEIL, classes: tuple[str, ...] = CLASSES) -> Path:
    """Write a detector with random weights, made to take much for an object."""
    model, info = eager_model(seed, veil_id, classes)
    return write_sample_bundle(path, info, model)


def eager_model(
    seed: int = 0, veil_id: str = VEIL, classes: tuple[str, ...] = CLASSES
) -> tuple[DetectionModel, ModelInfo]:
    """Build a detector with random weights, made to take much for an object."""
    info = sample_info("yolov8p", SPEC, SIZE, veil_id, classes)
    torch.manual_seed(seed)
    model = build_model(info)
    _see_something(model)
    head = head_of(model)
    for boxes, scores in zip(head.cv2, head.cv3, strict=True):
        boxes[-1].bias.data.view(4, -1)[:, 2] = 8.0  # each edge two strides from the centre
        torch.nn.init.normal_(scores[-1].weight, std=0.3)
        scores[-1].bias.data.fill_(-2.0)
    return model.eval(), info


def write_usual_bundle(path: Path, spec: VeilSpec, size: int, veil_id: str) -> Path:
    """Write a YOLOv8n with random weights that finds next to nothing: it costs what a trained one costs."""
    return write_sample_bundle(path, sample_info("yolov8n", spec, size, veil_id))


def _see_something(model: torch.nn.Module) -> None:
    """Give the normalisations the statistics of random codes; without, all frames look alike."""
    norms = [layer for layer in model.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in norms]
    grid = SIZE // SPEC.patch
    codes = torch.randint(0, SPEC.levels, (8, SPEC.channels + 1, grid, grid), dtype=torch.uint8)
    codes[:, -1] = torch.arange(8, dtype=torch.uint8)[:, None, None] % SPEC.sub_keys
    for layer in norms:
        layer.momentum = 1.0
    with torch.no_grad():
        model.train()(codes)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum


def some_codes(count: int, seed: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Codes:
    """Codes of some frames, uint8[count, C, rows, columns]: each a little different from the one before."""
    chance = np.random.default_rng(seed)
    codes = np.empty((count, *CellGrid.of(SPEC, SIZE, width, height).shape), dtype=np.uint8)
    codes[0] = chance.integers(0, SPEC.levels, codes.shape[1:])
    for index in range(1, count):
        changed = chance.random(codes.shape[2:]) < 0.1
        fresh = chance.integers(0, SPEC.levels, codes.shape[1:])
        codes[index] = np.where(changed, fresh, codes[index - 1])
    return codes


def some_block(count: int, seed: int = 0, sub_key: int = 1, width: int = WIDTH, height: int = HEIGHT) -> FrameBlock:
    """Frames of one source."""
    return FrameBlock(some_codes(count, seed, width, height), sub_key, width, height)
