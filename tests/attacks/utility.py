"""A cheap stand-in for a detector: what a tiny network learns from codes in 240 steps on tools17.

`python -m tests.attacks.utility`: every 16x16 square of a 320x240 image is background or one of 17 tools; the table
shows the average precision of "a tool is here" and how often the class of a square on a tool is right.
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
_SQUARE = 16
_WIDTH, _HEIGHT = 320, 240
_CLASSES = 17
_BATCH = 12
_STEPS = 240
_IMAGES = {"train": 480, "val": 150}

Frames = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


def load(folder: Path, part: str) -> tuple[Frames, Labels]:
    """Read images uint8[N, 240, 320, 3] and the class of every square int64[N, 15, 20]; 0 is background."""
    paths = sorted((folder / "images" / part).iterdir())
    paths = [paths[i] for i in np.random.default_rng(0).permutation(len(paths))[: _IMAGES[part]]]
    frames = np.stack([np.asarray(Image.open(path).convert("RGB").resize((_WIDTH, _HEIGHT))) for path in paths])
    texts = [(folder / "labels" / part / f"{path.stem}.txt").read_text() for path in paths]
    return frames, np.stack([_squares(text) for text in texts])


def _squares(text: str) -> Labels:
    grid = np.zeros((_HEIGHT // _SQUARE, _WIDTH // _SQUARE), dtype=np.int64)
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
        strides = {4: (2, 2, 1), 8: (2, 1, 1), 16: (1, 1, 1)}[patch]
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


def learn(net: Net, codes: torch.Tensor, labels: Labels) -> None:
    """Train for a fixed number of steps."""
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=_STEPS)
    rng, wanted = np.random.default_rng(0), torch.from_numpy(labels)
    order: list[int] = []
    for _ in range(_STEPS):
        if len(order) < _BATCH:
            order = rng.permutation(len(codes)).tolist()
        batch, order = order[:_BATCH], order[_BATCH:]
        loss = nn.functional.cross_entropy(net(codes[batch]), wanted[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


@torch.inference_mode()
def judge(net: Net, codes: torch.Tensor, labels: Labels) -> tuple[float, float]:
    """Average precision of "a tool is here", and accuracy of the class on squares of tools."""
    net.eval()
    odds = torch.cat([net(part).softmax(dim=1) for part in codes.split(_BATCH)]).numpy()
    here = labels > 0
    precision = average_precision_score(here.reshape(-1), 1 - odds[:, 0].reshape(-1))
    right = odds[:, 1:].argmax(axis=1)[here] == labels[here] - 1
    return float(precision), float(right.mean())


def plain(frames: Frames) -> torch.Tensor:
    """Pixels of 8x8 patches as channels: what a veil would have to keep to lose nothing."""
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2).float()
    return nn.functional.pixel_unshuffle(pixels / 64 - 2, 8)


def streams(setting: settings.Setting, cameras: int) -> Callable[[Frames], torch.Tensor]:
    """Codes of images as if from so many cameras in turn."""
    encoders = [setting.camera(f"camera {index}") for index in range(cameras)]

    def encode(frames: Frames) -> torch.Tensor:
        parts = [encoders[index % cameras](frame[None]) for index, frame in enumerate(frames)]
        return torch.from_numpy(np.concatenate(parts))

    return encode


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.utility")
    parser.add_argument("--only", default="", metavar="TEXT", help="settings whose name holds this")
    parser.add_argument("--seeds", type=int, default=1, help="nets trained a setting; the table shows the mean")
    options = parser.parse_args(arguments)
    folder = Path(os.environ.get("RAYPP_DATA", _DATA)) / "tools17"
    (frames, labels), (held, answers) = load(folder, "train"), load(folder, "val")
    cases: list[tuple[str, int, int, int, Callable[[Frames], torch.Tensor]]] = [("plain pixels", 192, 1, 8, plain)]
    for setting in settings.grid():
        shape = (setting.channels, 1 << setting.bits, setting.patch)
        cases.append((setting.name, *shape, streams(setting, 1)))
        if setting.name == "default":
            cases.append(("default, 8 cameras", *shape, streams(setting, 8)))
    print("| input | AP of tool here | class right |\n|---|---|---|", flush=True)
    print(f"| guess | {(answers > 0).mean():.3f} | {_commonest(labels, answers):.3f} |", flush=True)
    for name, channels, levels, patch, encode in cases:
        if options.only not in name:
            continue
        started, scored = time.monotonic(), []
        codes, held_codes = encode(frames), encode(held)
        for seed in range(options.seeds):
            torch.manual_seed(seed)
            net = Net(channels, levels, patch)
            learn(net, codes, labels)
            scored.append(judge(net, held_codes, answers))
        precision, right = np.mean(scored, axis=0)
        print(f"| {name} | {precision:.3f} | {right:.3f} |", flush=True)
        print(f"{name}: {time.monotonic() - started:.0f} s, {np.round(scored, 3).tolist()}", file=sys.stderr)
    return 0


def _commonest(labels: Labels, answers: Labels) -> float:
    commonest = np.bincount(labels[labels > 0]).argmax()
    return float((answers[answers > 0] == commonest).mean())


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
