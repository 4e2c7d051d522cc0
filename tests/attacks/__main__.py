"""`python -m tests.attacks`: attack many settings of the veil, print a Markdown table, save images."""

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from tests.attacks import settings, videos
from tests.attacks.attack import Images, Leak, Result, attack

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_HEAD = (
    "| setting | kB a 640x480 frame | view: luma, contrast | best channel: luma "
    "| 1 known: dB, detail, edges, shape | 6 known | 6 known of other cameras |"
)


def main(arguments: list[str]) -> int:
    """Run the attacks; returns the exit code."""
    options = _options(arguments)
    data = Path(os.environ.get("RAYPP_DATA", _DATA))
    loaded = videos.load(data / "videos")
    chosen = [*settings.controls(), *settings.grid()]
    victims = list(loaded)
    if options.quick:
        chosen, victims = [chosen[0], chosen[2]], victims[:1]
    if options.only:
        chosen = [setting for setting in chosen if options.only in setting.name]
    print(_HEAD + "\n|" + "---|" * (_HEAD.count("|") - 1), flush=True)
    rows = {}
    for setting in chosen:
        started = time.monotonic()
        result, images = attack(setting, loaded, victims)
        print(_row(setting, result), flush=True)
        print(f"{setting.name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
        rows[setting.name] = {"bytes": setting.frame_bytes, **asdict(result)}
        if options.images:
            _save(options.images, setting.name, images)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one control and the default, one video")
    parser.add_argument("--only", default="", metavar="TEXT", help="settings whose name holds this")
    parser.add_argument("--json", type=Path, help="write all scores to this file")
    parser.add_argument("--images", type=Path, help="save original, view and reconstructions to this folder")
    return parser.parse_args(arguments)


def _row(setting: settings.Setting, result: Result) -> str:
    view = f"{result.view_luma:.2f}, {result.view_contrast:.2f} | {result.channel_luma:.2f}"
    leaks = " | ".join(_cell(leak) for leak in (result.by_one, result.six, result.honest))
    return f"| {setting.name} | {setting.frame_bytes / 1000:.1f} | {view} | {leaks} |"


def _cell(leak: Leak) -> str:
    return f"{leak.gain_db:+.1f}, {leak.detail:.2f}, {leak.edges:.2f}, {leak.shape:.2f}"


def _save(folder: Path, name: str, images: list[Images]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [np.concatenate([p.original[0], p.view[0], p.by_one[0], p.six[0]], axis=1) for p in images]
    stem = "".join(letter if letter.isalnum() else "-" for letter in name)
    Image.fromarray(np.concatenate(rows)).save(folder / f"{stem}.png")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
