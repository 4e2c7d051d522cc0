"""Three owners of small archives: each has a key and few images of its own, and a test that all see veiled."""

import shutil
from collections.abc import Callable
from pathlib import Path

from raypp.collective.plan import weights_digest
from raypp.detect.schedule import Freeze
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings
from tests.accept.stills import make_stills
from tests.command import succeed
from tests.drill.scenes import write_scenes

OWNERS = ("plant-1", "plant-2", "plant-3")
TOGETHER, TEST = "together", "test"
START_MODEL = "yolov8p"
_FIRST, _PUBLIC_FIRST, _TEST_FIRST = 9100, 9700, 9900
_TESTED = 120
_PATIENCE_S = 3 * 3600


def make_owners(out: Path, images: int, size: int, *, benches: bool) -> None:
    """Draw images of each owner, of all together, and of a test; make keys; veil. What is there stays.

    Leaves `OWNER/key`, archives `OWNER/veiled` and `OWNER/test` under that key, and `together` under the first's.

    Args:
        out: folder of all.
        images: that an owner trains on; a quarter as many are for validation.
        size: side of the letterboxed square, in pixels.
        benches: whether they are of the demo's benches; else of discs and bars.
    """
    out.mkdir(parents=True, exist_ok=True)
    draw = make_stills if benches else write_scenes
    for number, owner in enumerate(OWNERS):
        _once(out / "images" / owner, lambda root, seed=_FIRST + number: draw(root, seed, images, images // 4))
    _once(out / "images" / TEST, lambda root: draw(root, _TEST_FIRST, 1, _TESTED))
    _once(out / "images" / TOGETHER, lambda root: _join(out / "images", root))
    for owner in OWNERS:
        key = out / owner / "key"
        if not key.exists():
            succeed("keygen", "--out", key)
        for name, archive in ((owner, "veiled"), (TEST, TEST)):
            _veil(out / "images" / name, out / owner / archive, key, size)
    _veil(out / "images" / TOGETHER, out / TOGETHER, out / OWNERS[0] / "key", size)


def make_starts(out: Path, images: int, epochs: int, size: int) -> dict[str, Path]:
    """Fit a detector to public images under the first owner's key, and adapters of the others before its trunk.

    What is there stays.

    Args:
        out: folder of all, with the owners' keys.
        images: how many are public.
        epochs: of each fit.
        size: side of the letterboxed square, in pixels.

    Returns:
        For each owner a bundle: all have the same trunk and head, and an adapter of their own.
    """
    public = out / "images" / "public"
    _once(public, lambda root: write_scenes(root, _PUBLIC_FIRST, images, images // 4))
    starts = {owner: out / owner / "start.model" for owner in OWNERS}
    for owner, start in starts.items():
        _veil(public, out / owner / "public", out / owner / "key", size)
        if start.exists():
            continue
        is_first, run = owner == OWNERS[0], out / "runs" / f"start-{owner}"
        settings = TrainSettings(
            archive=str(out / owner / "public"),
            out=run,
            architecture=START_MODEL,
            weights=None if is_first else starts[OWNERS[0]],
            epochs=epochs,
            batch=8,
            nominal_batch=8,
            freeze=None if is_first else Freeze.TRUNK,
        )
        run_training(settings)
        succeed("export", run, "--out", start)
    assert len({weights_digest(start) for start in starts.values()}) == 1
    return starts


def _veil(images: Path, archive: Path, key: Path, size: int) -> None:
    if not (archive / "manifest.parquet").exists():
        succeed("veil", images, "--out", archive, "--key", key, "--size", size, "--on", "local", timeout=_PATIENCE_S)


def _join(images: Path, root: Path) -> None:
    for owner in OWNERS:
        for path in sorted((images / owner).glob("*/*/*")):
            target = root / path.parent.relative_to(images / owner) / f"{owner}-{path.name}"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(images / OWNERS[0] / "data.yaml", root / "data.yaml")


def _once(root: Path, make: Callable[[Path], object]) -> None:
    if not (root / "data.yaml").exists():
        make(root)
