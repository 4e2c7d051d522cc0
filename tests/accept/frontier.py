"""Settings of learned veils side by side: each is fitted and audited alike, and `raypp frontier` joins them.

Run: python -m tests.accept.frontier ppe4 yolov8n.pt OUT, again after a stop: what has finished is not done again.
With --setting default --setting patch-16 --images 16 --size 96 --epochs 1 it takes minutes; figures mean nothing.
"""

import argparse
import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from raypp.audit.verdict.certificate import verify_certificate
from raypp.frontier.fits import read_finished_fit
from raypp.io.atomic import write_text
from tests.command import raypp, succeed

SETTINGS = {
    "default": (),
    "default-again": (),
    "hide-0": ("--hide", "0"),
    "hide-2": ("--hide", "2"),
    "hide-4": ("--hide", "4"),
    "channels-4": ("--channels", "4"),
    "channels-5-bits-2": ("--channels", "5", "--bits", "2"),
    "bits-1": ("--bits", "1"),
    "patch-16": ("--patch", "16"),
    "patch-16-channels-5-bits-2": ("--patch", "16", "--channels", "5", "--bits", "2"),
    "patch-16-channels-5-bits-2-rate-2": ("--patch", "16", "--channels", "5", "--bits", "2", "--rate", "2"),
    "rate-0.1": ("--rate", "0.1"),
    "rate-2": ("--rate", "2"),
    "rate-2-again": ("--rate", "2"),
    "rate-5": ("--rate", "5"),
    "rate-10": ("--rate", "10"),
}
_PATIENCE_S = 4 * 3600


@dataclass(frozen=True)
class Protocol:
    """How every setting is fitted.

    Attributes:
        images: how many training images.
        size: side of the square, in pixels.
        epochs: of each fit, and of the plain reference.
    """

    images: int = 208
    size: int = 192
    epochs: int = 6


def run_frontier(data: Path, weights: Path, out: Path, names: Collection[str], protocol: Protocol) -> None:
    """Fit and audit settings on evenly chosen training images, and draw the frontier."""
    images, key = choose_images(data, out / f"{data.name}-{protocol.images}", protocol.images), out / "owner.key"
    attacked = val_alone(images)
    if not key.exists():
        succeed("keygen", "--out", key)
    begin = ("--weights", weights, "--key", key, "--size", protocol.size, "--on", "local")
    schedule = ("--epochs", protocol.epochs, "--nominal-batch", 16, "--amp")
    succeed("compare", images, "--out", out / "cost", "--arm", "plain", *begin, *schedule, timeout=_PATIENCE_S)
    for name, settings in ((name, SETTINGS[name]) for name in names):
        fit, audit = out / "fits" / name, out / "audits" / name
        succeed("fit", images, "--out", fit, *begin, *schedule, *settings, timeout=_PATIENCE_S)
        veil = ("--spec", fit / "encoder.veil", "--model", fit / "start.model", "--budget", "quick")
        raypp("audit", attacked, "--out", audit, *begin, *veil, timeout=_PATIENCE_S)
        write_row(fit, audit, out / "rows")
        print(name)
    fits = [word for name in names for word in ("--fit", out / "fits" / name)]
    audits = [out / "audits" / name for name in names]
    print(succeed("frontier", *audits, "--cost", out / "cost", *fits, "--out", out / "frontier").stderr)


def choose_images(data: Path, chosen: Path, count: int) -> Path:
    """Copy a dataset with so many of its training images, evenly from the first to the last by name, and all of val."""
    if not chosen.exists():
        part = chosen.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for split, most in (("train", count), ("val", None)):
            paths = sorted((data / "images" / split).iterdir())
            taken = [paths[round(i * (len(paths) - 1) / (most - 1))] for i in range(most)] if most else paths
            for path in taken:
                for file in (path, data / "labels" / split / f"{path.stem}.txt"):
                    copy = part / file.relative_to(data)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(file, copy)
        shutil.copy(data / "data.yaml", part)
        part.rename(chosen)
    return chosen


def val_alone(chosen: Path) -> Path:
    """Copy val with its labels into a dataset of its own: no image of the fit is attacked, and labels are known."""
    alone = chosen.with_name(f"{chosen.name}-val")
    if not alone.exists():
        part = alone.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        for kind in ("images", "labels"):
            shutil.copytree(chosen / kind / "val", part / kind / "val")
        names = (chosen / "data.yaml").read_text().partition("names:")[2]
        (part / "data.yaml").write_text(f"path: .\nval: images/val\nnames:{names}")
        part.rename(alone)
    return alone


def write_row(fit: Path, audit: Path, rows: Path) -> None:
    """Write what a fit and the attacks on its veil came to as one JSON file, without a place or a digest of images."""
    finished, certificate = read_finished_fit(fit), verify_certificate(audit / "public" / "certificate.json")
    settings = json.loads((fit / "fit.json").read_text())
    row = {
        "name": finished.name,
        "settings": {name: value for name, value in settings.items() if name not in ("data", "weights", "warm_start")},
        "veil_id": finished.veil_id,
        "card": finished.card.model_dump(mode="json"),
        "map50_95": finished.map50_95,
        "budget": certificate.budget,
        "attacks": [
            {
                "name": attack.attack.name,
                "adversary": attack.adversary.value,
                "evaluated": attack.evaluated,
                "detail": attack.detail.model_dump(mode="json"),
            }
            for attack in certificate.rows
            if attack.is_veil and attack.kind == "reconstruct" and attack.detail is not None
        ],
    }
    rows.mkdir(parents=True, exist_ok=True)
    write_text(rows / f"{finished.name}.json", json.dumps(row, indent=1) + "\n")


def main() -> None:
    """Read the command's places and options."""
    usual = Protocol()
    parser = argparse.ArgumentParser(prog="python -m tests.accept.frontier", description=__doc__)
    for place, meaning in (("data", "dataset in YOLO layout"), ("weights", "public weights (.pt)"), ("out", "folder")):
        parser.add_argument(place, type=lambda text: Path(text).absolute(), help=meaning)
    parser.add_argument("--setting", action="append", choices=list(SETTINGS), help="one to fit; repeat (default: all)")
    parser.add_argument("--images", type=int, default=usual.images, help="training images")
    parser.add_argument("--size", type=int, default=usual.size, help="side of the square, in pixels")
    parser.add_argument("--epochs", type=int, default=usual.epochs, help="of each fit")
    given = parser.parse_args()
    protocol = Protocol(given.images, given.size, given.epochs)
    run_frontier(given.data, given.weights, given.out, given.setting or list(SETTINGS), protocol)


if __name__ == "__main__":
    main()
