"""A cheap stand-in for a detector: what a tiny network learns from codes in a minute on tools17.

`python -m tests.attacks.utility`: every 32x32 square of a picture is background or one of 17 tools; the table shows
the average precision of "a tool is here" and how often the class of a square on a tool is right.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from sklearn.metrics import average_precision_score
from torch import nn

from tests.attacks import settings

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_SQUARE = 32
_CLASSES = 17
_BATCH = 12
_PICTURES = {"train": 480, "val": 150}

Frames = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def load(folder: Path, part: str) -> tuple[Frames, Labels]:
    """Read pictures uint8[N, 480, 640, 3] and the class of every square int64[N, 15, 20]; 0 is background."""
    paths = sorted((folder / "images" / part).iterdir())
    paths = [paths[i] for i in np.random.default_rng(0).permutation(len(paths))[: _PICTURES[part]]]
    frames = np.stack([np.asarray(Image.open(path).convert("RGB").resize((640, 480))) for path in paths])
    texts = [(folder / "labels" / part / f"{path.stem}.txt").read_text() for path in paths]
    return frames, np.stack([_squares(text) for text in texts])


def _squares(text: str) -> Labels:
    grid = np.zeros((480 // _SQUARE, 640 // _SQUARE), dtype=np.int64)
    down, across = (np.arange(size)[:, None] + 0.5 for size in grid.shape)
    for line in text.splitlines():
        kind, x, y, width, height = (float(part) for part in line.split()[:5])
        inside_down = np.abs(down / grid.shape[0] - y) <= height / 2
        inside_across = np.abs(across / grid.shape[1] - x) <= width / 2
        grid[inside_down & inside_across.T] = int(kind) + 1
    return grid


class Net(nn.Module):
    """A value table per code channel, then a few convolutions down to one answer a square."""

    def __init__(self, channels: int, levels: int, patch: int) -> None:
        super().__init__()
        self.levels = levels
        self.table = nn.Conv2d(channels * levels, 48, 1)
        strides = {4: (2, 2, 2), 8: (1, 2, 2), 16: (1, 1, 2)}[patch]
        layers: list[nn.Module] = []
        wide = 48
        for stride in (*strides, 1):
            layers += [nn.Conv2d(wide, 64, 3, stride, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
            wide = 64
        self.trunk = nn.Sequential(nn.BatchNorm2d(48), nn.ReLU(), *layers, nn.Conv2d(64, _CLASSES + 1, 3, 1, 1))

    def forward(self, codes: torch.Tensor) -> torch.Tensor:
        """uint8[N, C, h, w] codes, or float pixels already in channels, to logits[N, 18, 15, 20]."""
        if self.levels > 1:
            values = torch.arange(self.levels, dtype=torch.uint8)[:, None, None]
            codes = (codes[:, :, None] == values).flatten(1, 2).float()
        answer: torch.Tensor = self.trunk(self.table(codes))
        return answer


def learn(net: Net, codes: torch.Tensor, labels: Labels, seconds: float) -> None:
    """Train for a fixed number of epochs' worth of steps within a time that does not depend on the load."""
    steps = int(seconds)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    rng, wanted = np.random.default_rng(0), torch.from_numpy(labels)
    order: list[int] = []
    for _ in range(steps):
        if len(order) < _BATCH:
            order = rng.permutation(len(codes)).tolist()
        batch, order = order[:_BATCH], order[_BATCH:]
        loss = nn.functional.cross_entropy(net(codes[batch]), wanted[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
