"""A stronger attacker than the ridge, with far more pairs: a perceptron on 3x3 cells, from 200 known images.

`python -m tests.attacks.perceptron`: images of ppe4 and tools17 are known, frames of three videos are reconstructed.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from raypp.audit.attacks.reconstruct.perceptron import Perceptron
from raypp.audit.core.model import Case, Images
from raypp.audit.metrics import scores
from tests.attacks import settings, videos

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_SETTINGS = ["default", "fold 0", "fold 0, mix 16", "fold 2", "bits 4"]
_KNOWN = 200

Frames = npt.NDArray[np.uint8]


def known_images(data: Path) -> Frames:
    """Read the attacker's images: uint8[200, 368, 640, 3]."""
    paths = [path for part in ("ppe4", "tools17") for path in sorted((data / part / "images" / "train").iterdir())]
    chosen = np.random.default_rng(0).permutation(len(paths))[:_KNOWN]
    size = (videos.WIDTH, videos.HEIGHT)
    return np.stack([np.asarray(Image.open(paths[i]).convert("RGB").resize(size)) for i in chosen])


def main(arguments: list[str]) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.perceptron")
    parser.add_argument("names", nargs="*", default=_SETTINGS, help="settings")
    options = parser.parse_args(arguments)
    data = Path(os.environ.get("RAYPP_DATA", _DATA))
    known = known_images(data)
    target = np.concatenate([frames[:2] for frames in videos.load(data / "videos").values()])
    print("| setting | PSNR, dB | detail | edges | shape |\n|---|---|---|---|---|", flush=True)
    for setting in settings.grid():
        if setting.name in options.names:
            reconstructed = Perceptron(_KNOWN).reconstruct(Case(setting.target, _images(known), _images(target)))
            figures = [
                scores.psnr(reconstructed, target),
                *(scores.detail(reconstructed, target, 8), scores.edges(reconstructed, target, 8)),
                scores.detail(reconstructed, target, 16),
            ]
            psnr, *others = (float(np.nanmean(figure)) for figure in figures)
            print(
                f"| {setting.name} | {psnr:.1f} | " + " | ".join(f"{other:.2f}" for other in others) + " |", flush=True
            )
    return 0


def _images(frames: Frames) -> Images:
    return Images(frames, ("camera",) * len(frames), ((),) * len(frames))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
