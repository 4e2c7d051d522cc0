"""A stronger attacker than the ridge, with far more pairs: a perceptron on 3x3 cells, from 200 known pictures.

`python -m tests.attacks.perceptron`: pictures of ppe4 and tools17 are known, frames of the three films are rebuilt.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from raypp.veil.patch import to_patches
from tests.attacks import decoder, films, scores, settings

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_SETTINGS = ["default", "fold 0", "fold 0, mix 16", "fold 2", "bits 4"]
_KNOWN = 200
_STEPS = 2500
_BATCH = 512
_GREY, _SPREAD = 128.0, 64.0  # bring pixels near zero and one for training

Frames = npt.NDArray[np.uint8]


def known_pictures(data: Path) -> Frames:
    """Read the attacker's pictures: uint8[200, 368, 640, 3]."""
    paths = [path for part in ("ppe4", "tools17") for path in sorted((data / part / "images" / "train").iterdir())]
    chosen = np.random.default_rng(0).permutation(len(paths))[:_KNOWN]
    size = (films.WIDTH, films.HEIGHT)
    return np.stack([np.asarray(Image.open(paths[i]).convert("RGB").resize(size)) for i in chosen])


def rebuild(setting: settings.Setting, known: Frames, target: Frames) -> Frames:
    """Train on the known pictures' codes, all of the victim's own stream, and rebuild the target."""
    encode, levels = setting.camera("camera"), 1 << setting.bits
    features = torch.from_numpy(decoder.neighbourhoods(encode(known)))
    pixels = torch.from_numpy(np.concatenate([to_patches(frame, setting.patch) for frame in known]))
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(features.shape[1] * levels, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, pixels.shape[1]),
    )
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=_STEPS)
    values, rng = torch.arange(levels, dtype=torch.uint8), np.random.default_rng(0)
    for _ in range(_STEPS):
        batch = torch.from_numpy(rng.integers(0, len(features), _BATCH))
        one_hot = (features[batch][:, :, None] == values).flatten(1).float()
        loss = (net(one_hot) - (pixels[batch] - _GREY) / _SPREAD).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    codes = encode(target)
    with torch.inference_mode():
        parts = torch.from_numpy(decoder.neighbourhoods(codes)).split(4096)
        guessed = torch.cat([net((part[:, :, None] == values).flatten(1).float()) for part in parts])
    count, _, rows, columns = codes.shape
    blocks = (guessed.numpy() * _SPREAD + _GREY).reshape(count, rows, columns, setting.patch, setting.patch, 3)
    return np.clip(blocks.transpose(0, 1, 3, 2, 4, 5).reshape(target.shape), 0, 255).astype(np.uint8)


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.perceptron")
    parser.add_argument("names", nargs="*", default=_SETTINGS, help="settings")
    options = parser.parse_args(arguments)
    data = Path(os.environ.get("RAYPP_DATA", _DATA))
    known = known_pictures(data)
    target = np.concatenate([frames[:2] for frames in films.load(data / "videos").values()])
    print("| setting | PSNR, dB | detail | edges | shape |\n|---|---|---|---|---|", flush=True)
    for setting in settings.grid():
        if setting.name in options.names:
            rebuilt = rebuild(setting, known, target)
            inside = f"{scores.detail(rebuilt, target, 8):.2f} | {scores.edges(rebuilt, target, 8):.2f}"
            shape = f"{scores.detail(rebuilt, target, scores.COARSE):.2f}"
            print(f"| {setting.name} | {scores.psnr(rebuilt, target):.1f} | {inside} | {shape} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
