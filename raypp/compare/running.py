"""Training and judging one arm."""

import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from raypp.compare.arm import Arm, ArmKind, ArmRow, ObscuredFigures, Report, Schedule, VeilFigures
from raypp.compare.images import ImageDataset
from raypp.compare.plain import PlainFrames
from raypp.compare.ultralytics import LibraryBatches, lay_out, train_by_library
from raypp.compare.veiled import QuantisedFrames, VeiledFrames, WrongKeyFrames
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.model import build_detector, load_public_weights
from raypp.detect.schedule import Recipe
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import OptionError
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.metrics import Matcher, score
from raypp.evaluate.scores import Scores
from raypp.io.atomic import whole_file
from raypp.train.adapter_fitting import Pair, fit_adapter
from raypp.train.augmentation import CellAugmentation
from raypp.train.initial_weights import load_start
from raypp.train.trainer import Trainer
from raypp.veil.key import VeilKey
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import VeilSpec

_VAL_BATCH = 32
_CURVE_POINTS = 10
_PLAIN_CELL = 8
_STATE_FILE = "state.pt"


class Frames(Protocol):
    """Labelled inputs of a detector, by number."""

    def __len__(self) -> int: ...

    def batch(self, indices: Sequence[int]) -> DetectionBatch:
        """Return some of them as a batch."""
        ...


@dataclass(frozen=True)
class VeiledArchive:
    """A veiled dataset of a comparison: the archive, what veiling it came to, each sample's plain name, the encoder."""

    dataset: VeiledDataset
    figures: VeilFigures
    names: dict[str, str]
    network: EncoderNetwork | None


@dataclass(frozen=True)
class Bench:
    """What an arm is trained on and where.

    Attributes:
        schedule: what all arms have in common.
        images: the plain dataset; for obscured arms the obscured one.
        folder: a folder of the arm's own, for what it needs while it runs.
        archive: the veiled dataset, for veiled arms.
        obscured: what the obscured dataset comes to, for obscured arms.
        wrong_keys: how many other keys the trained detector is tried on.
        command: the command line that asked for the arm.
    """

    schedule: Schedule
    images: ImageDataset
    folder: Path
    archive: VeiledArchive | None
    obscured: ObscuredFigures | None
    wrong_keys: int
    command: str


@dataclass(frozen=True)
class _Trained:
    model: DetectionModel
    step_s: float
    train_s: float
    curve: tuple[tuple[int, float, float], ...]
    fitted: float | None = None


def run_arm(arm: Arm, bench: Bench, row_id: str, report: Report) -> tuple[ArmRow, list[SampleMatches]]:
    """Train an arm to the end and judge it; a stopped one goes on at its last whole epoch.

    Returns:
        The row, and the matches of every val image by plain name, for comparisons image by image.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    val = _frames(bench, "val")
    train = bench.images.splits["train"] if bench.archive is None else bench.archive.dataset.splits["train"]
    count = train if isinstance(train, int) else len(train)
    if arm.kind is ArmKind.LIBRARY:
        model, seconds = train_by_library(arm, bench.schedule, lay_out(bench.images, bench.folder), bench.folder)
        steps = -(-count // bench.schedule.batch)
        trained = _Trained(model.to(device), median(seconds) / steps, sum(seconds), ())
    else:
        trained = _train(arm, bench, val, count, device, report)
    network = bench.archive.network if bench.archive else None
    matcher = Matcher(trained.model, bench.schedule.size, device)
    matches = matcher.match(_in_order(val))
    scores = score(matches, bench.images.classes)
    row = ArmRow(
        row_id=row_id,
        arm=arm.model_copy(update={"encoder": _name(arm.encoder), "start": _name(arm.start)}),
        schedule=bench.schedule.model_copy(update={"weights": _name(bench.schedule.weights)}),
        dataset=bench.images.name,
        train_images=count,
        val_images=scores.samples,
        map50=scores.map50,
        map50_95=scores.map50_95,
        classes={one.name: one.map50 for one in scores.classes},
        curve=trained.curve,
        step_s=trained.step_s,
        train_s=trained.train_s,
        fitted_share=trained.fitted,
        veil=bench.archive.figures if bench.archive else None,
        obscured=bench.obscured,
        wrong_key_map50=tuple(
            _judge(matcher, WrongKeyFrames(_plain(bench, spec), spec, VeilKey.generate(), network), bench).map50
            for spec in [arm.spec] * bench.wrong_keys
            if spec is not None
        ),
        plain_input_map50=(
            _judge(matcher, QuantisedFrames(_plain(bench, arm.spec), arm.spec), bench).map50 if arm.spec else None
        ),
        command=bench.command,
        commit=_commit(),
        device=torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} CPU cores",
        versions={name: version(name) for name in ("torch", "ultralytics")} | {"python": platform.python_version()},
    )
    return row, matches


def _frames(bench: Bench, split: str) -> PlainFrames | VeiledFrames:
    if bench.archive is None:
        return PlainFrames(bench.images.splits[split], bench.schedule.size, _PLAIN_CELL)
    return VeiledFrames.read(bench.archive.dataset, split, bench.archive.names)


def _plain(bench: Bench, spec: VeilSpec) -> PlainFrames:
    return PlainFrames(bench.images.splits["val"], bench.schedule.size, spec.patch)


def _judge(matcher: Matcher, frames: Frames, bench: Bench) -> Scores:
    return score(matcher.match(_in_order(frames)), bench.images.classes)


def _in_order(frames: Frames) -> Iterator[DetectionBatch]:
    for start in range(0, len(frames), _VAL_BATCH):
        yield frames.batch(range(start, min(start + _VAL_BATCH, len(frames))))


def _train(arm: Arm, bench: Bench, val: Frames, count: int, device: torch.device, report: Report) -> _Trained:
    schedule = bench.schedule
    state_file = bench.folder / _STATE_FILE
    steps = count // schedule.batch
    asked = {} if arm.adapter_rate is None else {"adapter_rate": arm.adapter_rate}
    recipe = Recipe(
        epochs=schedule.epochs,
        batch=schedule.batch,
        steps=steps,
        seed=arm.seed,
        nominal_batch=schedule.nominal_batch,
        amp=schedule.amp,
        **asked,
    )
    torch.manual_seed(arm.seed)
    model = build_detector(schedule.architecture, bench.images.classes, _codes(arm))
    if arm.start is not None and bench.archive is not None:
        load_start(model, arm.start, bench.archive.figures.veil_id)
    elif schedule.weights is not None:
        load_public_weights(model, schedule.weights)
    fitted = _fit(arm, bench, model, recipe, device) if arm.fitted and not state_file.exists() else None
    batches, augmentation = _batches(arm, bench, recipe)
    trainer = Trainer(model, recipe, device, augmentation=augmentation)
    seconds: list[float] = []
    curve: list[tuple[int, float, float]] = []
    if state_file.exists():
        saved = torch.load(state_file, map_location=device, weights_only=True)
        trainer.restore(saved["trainer"])
        seconds, curve, fitted = saved["seconds"], [tuple(point) for point in saved["curve"]], saved["fitted"]
    every = max(1, schedule.epochs // _CURVE_POINTS)
    while trainer.epoch < schedule.epochs:
        started = perf_counter()
        trainer.train_epoch(batches(trainer.epoch))
        seconds.append(perf_counter() - started)
        if trainer.epoch % every == 0 or trainer.epoch == schedule.epochs:
            found = _judge(Matcher(trainer.ema.ema, schedule.size, device), val, bench)
            curve.append((trainer.epoch, found.map50, found.map50_95))
        report(trainer.epoch, schedule.epochs, f"mAP50 {curve[-1][1]:.3f}" if curve else "")
        _keep({"trainer": trainer.state(), "seconds": seconds, "curve": curve, "fitted": fitted}, state_file)
    return _Trained(trainer.ema.ema, median(seconds) / steps, sum(seconds), tuple(curve), fitted)


def _fit(arm: Arm, bench: Bench, model: DetectionModel, recipe: Recipe, device: torch.device) -> float:
    """Fit the adapter on the training images; a pair is moved alike, so cells stay on what is behind."""
    if bench.schedule.weights is None or arm.spec is None or bench.archive is None:
        raise OptionError(f"arm {arm.name} is to be fitted, which needs a veil and `weights`")
    public = build_detector(bench.schedule.architecture, bench.images.classes, None)
    load_public_weights(public, bench.schedule.weights)
    veiled = VeiledFrames.read(bench.archive.dataset, "train", bench.archive.names).without_variants()
    behind = {image.name: image for image in bench.images.splits["train"]}
    images = tuple(behind[name] for name in veiled.rows["sample_id"])
    plain = PlainFrames(images, bench.schedule.size, arm.spec.patch)
    moved = CellAugmentation()

    def pairs(epoch: int) -> Iterator[Pair]:
        order = np.random.default_rng((recipe.seed, 1, epoch)).permutation(len(veiled))
        for step in range(recipe.steps):
            chosen = order[step * recipe.batch : (step + 1) * recipe.batch].tolist()
            codes, seen = veiled.batch(chosen), plain.batch(chosen)
            alike = [np.random.default_rng((recipe.seed, 2, epoch, step)) for _ in range(2)]
            yield Pair(moved(codes, alike[0]), replace(moved, cell=plain.patch)(seen, alike[1]))

    return fit_adapter(model, public, pairs, arm.fitted, recipe.steps, device)


def _codes(arm: Arm) -> CodeInput | None:
    if arm.spec is None:
        return None
    return CodeInput(arm.spec.channels, arm.spec.bits, arm.spec.patch, arm.spec.sub_keys if arm.sub_keys else 1)


def _batches(
    arm: Arm, bench: Bench, recipe: Recipe
) -> tuple[Callable[[int], Iterator[DetectionBatch]], CellAugmentation | None]:
    if arm.kind in (ArmKind.PLAIN, ArmKind.OBSCURED):
        data = lay_out(bench.images, bench.folder)
        images = bench.images.splits["train"]
        library = LibraryBatches(data, images, bench.images.classes, recipe, bench.schedule.size)
        return library.epoch, None
    frames = _frames(bench, "train")

    def epoch(number: int) -> Iterator[DetectionBatch]:
        order = np.random.default_rng((recipe.seed, number)).permutation(frames.of_epoch(recipe.seed, number))
        for step in range(recipe.steps):
            yield frames.batch(order[step * recipe.batch : (step + 1) * recipe.batch].tolist())

    return epoch, CellAugmentation(cell=_PLAIN_CELL if arm.spec is None else 1)


def _keep(state: dict[str, object], path: Path) -> None:
    with whole_file(path) as part:
        torch.save(state, part)


def _name(path: Path | None) -> Path | None:
    return Path(path.name) if path else None


def _commit() -> str:
    """Commit of the code that runs, with a mark if it was changed since; its version where there is no repository."""
    home = Path(__file__).parent
    try:
        told = ["git", "-C", str(home), "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"raypp {version('raypp')}"
