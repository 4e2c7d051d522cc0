"""Planning: a second run with nothing to do, many datasets, segments for workers, and a plan of millions of images."""

import io
import json
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.older import ROOT, checked_out, run_in
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key

Row = tuple[str, str, str]
_FEW, _MANY = 5_000, 20_000
_SET = 25
_EACH = 10_000

_DISCOVER = """
import json, sys, time
from raypp.media.discovery import discover
discover([sys.argv[1]])
started = time.process_time()
discover([sys.argv[1]])
print(json.dumps(time.process_time() - started))
"""

_PLAN = """
import json, sys, time
from pathlib import Path
from raypp.ingest.job import open_job
from raypp.ingest.settings import VeilSettings
from raypp.progress import SILENT

def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3

key, warm, source, out, workers, rounds, images = sys.argv[1:8]
with open_job(VeilSettings(out=out + "-warm", key_path=Path(key)), [warm], SILENT):
    pass
before = peak()
if int(images):
    import raypp.media.discovery
    from raypp.media.listing import Listing, Run

    def walk(root, unusable):
        # The listing alone is made up: each name leads to an image that is there, through a link to its folder.
        runs = []
        for folder in sorted(Path(root).iterdir()):
            size = (folder / "data.yaml").stat().st_size
            runs.append(Run.of(str(folder), [("data.yaml", size, 1)]))
            facts = [(name, 700, 1) for name in names]
            runs.append(Run.of(f"{folder}/images", facts))
        return Listing(runs)

    names = sorted(path.name for path in (next(Path(source).iterdir()) / "images").iterdir())
    raypp.media.discovery.walk = walk
options = {"allow_unlabelled": True} | ({"workers": int(workers)} if int(workers) else {})
cpu = []
for _ in range(int(rounds)):
    started = time.process_time()
    with open_job(VeilSettings(out=out, key_path=Path(key)), [source], SILENT, **options) as job:
        cpu.append(time.process_time() - started)
        segments = len(job.plan.segments)
    del job
print(json.dumps([cpu, peak() - before, segments]))
"""


def planning_rows(folder: Path, images: int) -> list[Row]:
    """CPU seconds and memory of planning, over those of a bare loop, or of a smaller input."""
    save_owner_key(VeilKey.generate(), folder / "owner.key")
    for count in (_FEW, _MANY):
        _make_set(folder / f"set-{count}", count)
    rows = [*_nothing_to_do(folder), *_many_sets(folder), *_segments(folder), *_millions(folder, images)]
    with checked_out(folder) as before:
        first, second = _plan(before, folder, folder / f"set-{_FEW}", 2)[0]
    rows.append((f"before: {_FEW:,} images, first and second run", f"{first:.2f} and {second:.2f} cpu s", ""))
    return rows


def _nothing_to_do(folder: Path) -> list[Row]:
    few, many = (_plan(ROOT, folder, folder / f"set-{count}", 4) for count in (_FEW, _MANY))
    bare = min(_bare(folder / f"set-{_MANY}") for _ in range(3))
    again = min(many[0][1:])
    slope = (many[1] - few[1]) * 1e3 / (_MANY - _FEW)
    return [
        (f"{_MANY:,} images, first run", f"{many[0][0]:.2f} cpu s", ""),
        (f"{_MANY:,} images, second run with nothing to do", f"{again:.3f} cpu s", ""),
        ("a bare scandir and compare", f"{bare:.3f} cpu s", ""),
        ("second run / bare loop", f"{again / bare:.1f}", "bar <= 4"),
        ("memory, by the slope", f"{slope:.2f} kB an image", "bar <= 0.8"),
    ]


def _many_sets(folder: Path) -> list[Row]:
    spent = {}
    for count in (50, 800):
        for number in range(count):
            _make_set(folder / f"sets-{count}" / f"{number:04}", _SET)
        spent[count] = json.loads(run_in(ROOT, ["-c", _DISCOVER, str(folder / f"sets-{count}")]))
    return [("discovery of 800 datasets / of 50", f"{spent[800] / spent[50]:.1f}", "bar <= 20")]


def _segments(folder: Path) -> list[Row]:
    _make_set(folder / "small", 1_021)
    rows = []
    for source, workers in (("small", 2), ("small", 8), (f"set-{_MANY}", 2), (f"set-{_MANY}", 64)):
        segments = _plan(ROOT, folder, folder / source, 1, workers, out=f"{source}-{workers}")[2]
        count = 1_021 if source == "small" else _MANY
        rows.append((f"segments of {count:,} images, {workers} workers", str(segments), f"bar >= {4 * workers}"))
    return rows


def _millions(folder: Path, images: int) -> list[Row]:
    (first, second), peak, segments = made_plan(folder, images)
    return [
        (f"{images:,} images, first run", f"{first:.0f} cpu s, {first / images * 1e6:.0f} us each", ""),
        (f"{images:,} images, second run", f"{second:.0f} cpu s, {second / images * 1e6:.1f} us each", ""),
        (f"{images:,} images, memory", f"{peak:.0f} MB, {peak * 1e6 / images:.0f} B each", f"{segments} segments"),
        ("reckoned for 10,000,000 on two cores", f"{first / images * 1e7 / 60:.1f} cpu min", "bar <= 10 min wall"),
    ]


def made_plan(folder: Path, images: int) -> tuple[list[float], float, int]:
    """Plan twice, in a folder of its own, datasets of 10,000 images each, that stand in a made listing.

    Returns CPU seconds of each, megabytes at the most, and segments.
    """
    if not (folder / "owner.key").exists():
        save_owner_key(VeilKey.generate(), folder / "owner.key")
    shared = folder / "shared"
    _make_set(shared, _EACH)
    flat = sorted((shared / "images").rglob("*.jpg"))
    (folder / "flat").mkdir()
    for path in flat:
        path.rename(folder / "flat" / path.name)
    for number in range(max(1, images // _EACH)):
        place = folder / "millions" / f"set-{number:04}"
        place.mkdir(parents=True)
        (place / "images").symlink_to(folder / "flat")
        (place / "data.yaml").write_text("train: images\nnames: [hammer, saw]\n")
    return _plan(ROOT, folder, folder / "millions", 2, synthetic=images)


def _plan(
    tree: Path, folder: Path, source: Path, rounds: int, workers: int = 0, *, out: str = "", synthetic: int = 0
) -> tuple[list[float], float, int]:
    """Plan some times in a tree; returns CPU seconds of each, megabytes at the most, and segments."""
    warm = folder / "warm"
    if not warm.exists():
        _make_set(warm, 5)
    place = folder / "out" / f"{tree.name}-{out or source.name}"
    call = ["-c", _PLAN, *map(str, (folder / "owner.key", warm, source, place, workers, rounds, synthetic))]
    cpu, peak, segments = json.loads(run_in(tree, call).splitlines()[-1])
    return cpu, peak, segments


def _bare(root: Path) -> float:
    """CPU seconds of listing all files and comparing size and time of change with the last listing."""
    last = _scan(root)
    started = time.process_time()
    changed = sum(last.get(path) != facts for path, facts in _scan(root).items())
    spent = time.process_time() - started
    if changed:
        raise RuntimeError(f"{changed} files of {root} changed meanwhile; run again")
    return spent


def _scan(root: Path) -> dict[str, tuple[int, int]]:
    files: dict[str, tuple[int, int]] = {}
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    folders.append(entry.path)
                else:
                    status = entry.stat()
                    files[entry.path] = (status.st_size, status.st_mtime_ns)
    return files


def _make_set(root: Path, count: int) -> None:
    """Write a labelled set in YOLO layout: tiny images that differ in their last bytes."""
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(content, "JPEG")
    for split in ("train", "val"):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
    for number in range(count):
        split = "train" if number % 5 else "val"
        (root / "images" / split / f"{number:06}.jpg").write_bytes(content.getvalue() + b"%d" % number)
        (root / "labels" / split / f"{number:06}.txt").write_text(f"{number % 2} 0.5 0.5 0.25 0.5\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [hammer, saw]\n")
