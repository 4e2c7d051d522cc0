"""Training and judging one arm."""

import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
import torch

from raypp.compare.arm import Arm, ArmProgress, ArmRow, ComparisonSchedule, ObscuredFigures, VeilFigures
from raypp.compare.arm_kind import ArmKind
from raypp.compare.images import ImageDataset
from raypp.compare.plain import PlainFrames
from raypp.compare.ultralytics import UltralyticsBatches, lay_out, train_by_ultralytics
from raypp.compare.veiled import MappedFrames, QuantisedFrames, VeiledFrames, WrongKeyFrames
from raypp.detect.inputs.batch import DetectionBatch
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.latent_map import MappedEncoder
from raypp.detect.model import build_detector, load_public_weights
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.training_state import holds_state, read_state, write_state
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import OptionError
from raypp.evaluate.matching import SampleMatches
from raypp.evaluate.metrics import DetectionMatcher, score
from raypp.evaluate.scores import Scores
from raypp.train.adapter_fitting import VeiledPair, fit_adapter
from raypp.train.augmentation import CellAugmentation
from raypp.train.frozen_trunk import load_but_names
from raypp.train.initial_weights import load_initial_weights
from raypp.train.loop import TrainingData, run_epochs
from raypp.train.steps import StepFile
from raypp.train.trainer import Trainer
from raypp.train.worker_context import WorkerContext
from raypp.veil.key import VeilKey
from raypp.veil.learned import EncoderNetwork
from raypp.veil.spec import VeilSpec

_VAL_BATCH = 32
_CURVE_POINTS = 10
_PLAIN_CELL = 8


class LabelledFrames(Protocol):
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
class ArmInputs:
    """Inputs of an arm: its data, its folder and its settings.

    Attributes:
        schedule: what all arms have in common.
        images: the plain dataset; for obscured arms the obscured one.
        folder: a folder of the arm's own, for what it needs while it runs.
        archive: the veiled dataset, for veiled arms.
        obscured: sizes of the obscured dataset, for obscured arms.
        mapped: encoder and keyed map, for homeomorphic arms.
        wrong_keys: how many other keys the trained detector is tried on.
        command: the command line that asked for the arm.
    """

    schedule: ComparisonSchedule
    images: ImageDataset
    folder: Path
    archive: VeiledArchive | None
    obscured: ObscuredFigures | None
    wrong_keys: int
    command: str
    mapped: MappedEncoder | None = None


@dataclass(frozen=True)
class _Trained:
    model: DetectionModel
    step_s: float
    train_s: float
    curve: tuple[tuple[int, float, float], ...]
    fitted: float | None = None


def run_arm(arm: Arm, inputs: ArmInputs, row_id: str, report: ArmProgress) -> tuple[ArmRow, list[SampleMatches]]:
    """Train an arm to the end and judge it; a stopped one goes on at its last whole epoch.

    Returns:
        The row, and the matches of every val image by plain name, for comparisons image by image.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    val = _frames(arm, inputs, "val")
    train = inputs.images.splits["train"] if inputs.archive is None else inputs.archive.dataset.splits["train"]
    count = train if isinstance(train, int) else len(train)
    if arm.kind is ArmKind.ULTRALYTICS:
        data, on_step = lay_out(inputs.images, inputs.folder), StepFile(inputs.folder).write
        model, seconds = train_by_ultralytics(arm, inputs.schedule, data, inputs.folder, on_step)
        steps = -(-count // inputs.schedule.batch)
        trained = _Trained(model.to(device), median(seconds) / steps, sum(seconds), ())
    else:
        trained = _train(arm, inputs, val, count, device, report)
    network = inputs.archive.network if inputs.archive else None
    matcher = DetectionMatcher(trained.model, inputs.schedule.size, device)
    matches = matcher.match(_in_order(val))
    scores = score(matches, inputs.images.classes)
    row = ArmRow(
        row_id=row_id,
        arm=arm.model_copy(update={"encoder": _name(arm.encoder), "start": _name(arm.start)}),
        schedule=inputs.schedule.model_copy(update={"weights": _name(inputs.schedule.weights)}),
        dataset=inputs.images.name,
        train_images=count,
        val_images=scores.samples,
        map50=scores.map50,
        map50_95=scores.map50_95,
        classes={class_scores.name: class_scores.map50 for class_scores in scores.classes},
        curve=trained.curve,
        step_s=trained.step_s,
        train_s=trained.train_s,
        fitted_share=trained.fitted,
        veil=inputs.archive.figures if inputs.archive else None,
        obscured=inputs.obscured,
        wrong_key_map50=tuple(
            _judge(matcher, WrongKeyFrames(_plain(inputs, spec), spec, VeilKey.generate(), network), inputs).map50
            for spec in [arm.spec] * inputs.wrong_keys
            if spec is not None and inputs.mapped is None
        ),
        plain_input_map50=(
            _judge(matcher, QuantisedFrames(_plain(inputs, arm.spec), arm.spec), inputs).map50 if arm.spec else None
        ),
        command=inputs.command,
        commit=_commit(),
        device=torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} CPU cores",
        versions={name: version(name) for name in ("torch", "ultralytics")} | {"python": platform.python_version()},
    )
    return row, matches


def _frames(arm: Arm, inputs: ArmInputs, split: str) -> PlainFrames | VeiledFrames | MappedFrames:
    if inputs.mapped is not None and arm.spec is not None:
        plain = PlainFrames(inputs.images.splits[split], inputs.schedule.size, arm.spec.patch)
        return MappedFrames(plain, arm.spec, inputs.mapped)
    if inputs.archive is None:
        return PlainFrames(inputs.images.splits[split], inputs.schedule.size, _PLAIN_CELL)
    return VeiledFrames.read(inputs.archive.dataset, split, inputs.archive.names)


def _plain(inputs: ArmInputs, spec: VeilSpec) -> PlainFrames:
    return PlainFrames(inputs.images.splits["val"], inputs.schedule.size, spec.patch)


def _judge(matcher: DetectionMatcher, frames: LabelledFrames, inputs: ArmInputs) -> Scores:
    return score(matcher.match(_in_order(frames)), inputs.images.classes)


def _in_order(frames: LabelledFrames) -> Iterator[DetectionBatch]:
    for start in range(0, len(frames), _VAL_BATCH):
        yield frames.batch(range(start, min(start + _VAL_BATCH, len(frames))))


def _train(
    arm: Arm, inputs: ArmInputs, val: LabelledFrames, count: int, device: torch.device, report: ArmProgress
) -> _Trained:
    schedule = inputs.schedule
    state = read_state(inputs.folder) if holds_state(inputs.folder) else None
    steps = count // schedule.batch
    rate = {} if arm.adapter_rate is None else {"adapter_rate": arm.adapter_rate}
    training = TrainingSchedule(
        epochs=schedule.epochs,
        batch=schedule.batch,
        steps=steps,
        seed=arm.seed,
        nominal_batch=schedule.nominal_batch,
        amp=schedule.amp,
        **rate,
    )
    torch.manual_seed(arm.seed)
    model = build_detector(schedule.architecture, inputs.images.classes, _codes(arm))
    if arm.start is not None and inputs.archive is not None:
        load_initial_weights(model, arm.start, inputs.archive.figures.veil_id)
    elif arm.start is not None and inputs.mapped is not None:
        load_but_names(model, arm.start)
    elif schedule.weights is not None:
        load_public_weights(model, schedule.weights)
    fitted = _fit(arm, inputs, model, training, device) if arm.fitted and state is None else None
    batches = _batches(arm, inputs, training)
    trainer = Trainer(model, training, device, augmentation=batches.augmentation)
    seconds: list[float] = []
    curve: list[tuple[int, float, float]] = []
    if state is not None:
        trainer.restore(state)
        seconds, curve = state.extra["seconds"], [tuple(point) for point in state.extra["curve"]]
        fitted = state.extra["fitted"]
        if batches.images is not None:
            batches.images.load(state.extra.get("recent", []))
    every = max(1, schedule.epochs // _CURVE_POINTS)
    data = TrainingData(batches.epoch, lambda: _in_order(val), inputs.images.classes, schedule.size)
    worker = WorkerContext.alone(device)
    for ended in run_epochs(trainer, data, worker, StepFile(inputs.folder).write):
        seconds.append(ended.train_s)
        if trainer.epoch % every == 0 or trainer.epoch == schedule.epochs:
            scores = ended.evaluate().scores
            curve.append((trainer.epoch, scores.map50, scores.map50_95))
        report(trainer.epoch, schedule.epochs, f"mAP50 {curve[-1][1]:.3f}" if curve else "")
        recent = batches.images.recent if batches.images is not None else []
        extra = {"seconds": seconds, "curve": curve, "fitted": fitted, "recent": recent}
        write_state(inputs.folder, trainer.state(extra))
    return _Trained(trainer.ema.ema, median(seconds) / steps, sum(seconds), tuple(curve), fitted)


def _fit(arm: Arm, inputs: ArmInputs, model: DetectionModel, training: TrainingSchedule, device: torch.device) -> float:
    """Fit the adapter on the training images; a pair is moved alike, so cells stay on what is behind."""
    if inputs.schedule.weights is None or arm.spec is None or inputs.archive is None:
        raise OptionError(f"arm {arm.name} is to be fitted, which needs a veil and `weights`")
    public = build_detector(inputs.schedule.architecture, inputs.images.classes, None)
    load_public_weights(public, inputs.schedule.weights)
    veiled = VeiledFrames.read(inputs.archive.dataset, "train", inputs.archive.names).without_variants()
    behind = {image.name: image for image in inputs.images.splits["train"]}
    images = tuple(behind[name] for name in veiled.rows["sample_id"])
    plain = PlainFrames(images, inputs.schedule.size, arm.spec.patch)
    moved = CellAugmentation()

    def pairs(epoch: int) -> Iterator[VeiledPair]:
        order = np.random.default_rng((training.seed, 1, epoch)).permutation(len(veiled))
        for step in range(training.steps):
            chosen = order[step * training.batch : (step + 1) * training.batch].tolist()
            codes, seen = veiled.batch(chosen), plain.batch(chosen)
            alike = [np.random.default_rng((training.seed, 2, epoch, step)) for _ in range(2)]
            yield VeiledPair(moved(codes, alike[0]), replace(moved, cell=plain.patch)(seen, alike[1]))

    return fit_adapter(model, public, pairs, arm.fitted, training.steps, device, StepFile(inputs.folder).write)


def _codes(arm: Arm) -> CodeInput | None:
    if arm.spec is None:
        return None
    return CodeInput(arm.spec.channels, arm.spec.bits, arm.spec.patch, arm.spec.sub_keys if _tells_sub_keys(arm) else 1)


def _tells_sub_keys(arm: Arm) -> bool:
    return arm.sub_keys and arm.kind is ArmKind.VEILED


@dataclass(frozen=True)
class _Batches:
    """Batches of an epoch by its number, who augments them, and the images that ultralytics reads for them."""

    epoch: Callable[[int], Iterator[DetectionBatch]]
    augmentation: CellAugmentation | None
    images: UltralyticsBatches | None


def _batches(arm: Arm, inputs: ArmInputs, training: TrainingSchedule) -> _Batches:
    if arm.kind in (ArmKind.PLAIN, ArmKind.OBSCURED):
        data = lay_out(inputs.images, inputs.folder)
        train = inputs.images.splits["train"]
        images = UltralyticsBatches(data, train, inputs.images.classes, training, inputs.schedule.size)
        return _Batches(images.epoch, None, images)
    frames = _frames(arm, inputs, "train")

    def epoch(number: int) -> Iterator[DetectionBatch]:
        order = np.random.default_rng((training.seed, number)).permutation(frames.of_epoch(training.seed, number))
        for step in range(training.steps):
            yield frames.batch(order[step * training.batch : (step + 1) * training.batch].tolist())

    return _Batches(epoch, CellAugmentation(cell=_PLAIN_CELL if arm.spec is None else 1), None)


def _name(path: Path | None) -> Path | None:
    return Path(path.name) if path else None


def _commit() -> str:
    """Commit of the code that runs, with a mark if it was changed since; its version where there is no repository."""
    home = Path(__file__).parent
    try:
        command = ["git", "-C", str(home), "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"raypp {version('raypp')}"
