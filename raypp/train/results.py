"""Results of a training, epoch by epoch: `results.csv` in ultralytics' columns, and TensorBoard scalars."""

import csv
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from raypp.detect.schedule import TrainingSchedule
from raypp.evaluate.scores import Scores
from raypp.io.atomic import whole_file

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

RESULTS_FILE = "results.csv"
_BOARD = "tensorboard"

_Result = TypeVar("_Result", bound="EpochResult")


@dataclass(frozen=True)
class EpochLosses:
    """Mean losses of an epoch, by ultralytics' names (box, cls, dfl)."""

    epoch: int
    losses: dict[str, float]
    learning_rate: float


class EpochResult(BaseModel):
    """One finished epoch; `epoch` counts from 1, `seconds` from the begin of this run."""

    model_config = ConfigDict(frozen=True)

    columns: ClassVar[Mapping[str, str]] = {
        "epoch": "epoch",
        "time": "seconds",
        "train/box_loss": "box_loss",
        "train/cls_loss": "cls_loss",
        "train/dfl_loss": "dfl_loss",
        "metrics/precision(B)": "precision",
        "metrics/recall(B)": "recall",
        "metrics/mAP50(B)": "map50",
        "metrics/mAP50-95(B)": "map50_95",
        "lr/pg0": "learning_rate",
    }
    """Fields by their columns in the file."""

    epoch: int
    seconds: float
    box_loss: float
    cls_loss: float
    dfl_loss: float
    precision: float
    recall: float
    map50: float
    map50_95: float
    learning_rate: float

    @classmethod
    def of(cls, losses: EpochLosses, scores: Scores, seconds: float) -> Self:
        """Gather what is known of an epoch; a loss that the architecture does not have is 0."""
        known = losses.losses | {
            "epoch": losses.epoch + 1,
            "seconds": seconds,
            "precision": scores.precision,
            "recall": scores.recall,
            "map50": scores.map50,
            "map50_95": scores.map50_95,
            "learning_rate": losses.learning_rate,
        }
        return cls.model_validate({field: known.get(field, 0.0) for field in cls.model_fields})


def read_results(folder: Path, kind: type[_Result]) -> list[_Result]:
    """Read the finished epochs of a run, in order; a line that was cut off by a crash is left out.

    Args:
        folder: the run's.
        kind: what its epochs are.
    """
    path = folder / RESULTS_FILE
    if not path.exists():
        return []
    out = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            values = {field: row.get(column) for column, field in kind.columns.items()}
            if None not in values.values():
                out.append(kind.model_validate(values))
    return out


def best_epoch(results: Iterable[EpochResult]) -> EpochResult:
    """Return the best of some epochs by mAP50-95, the first of those that are equally good."""
    return max(results, key=lambda result: result.map50_95)


def kept_epoch(results: Iterable[EpochResult], schedule: TrainingSchedule) -> EpochResult:
    """Return the epoch whose detector is handed out: the best, or of a part of a longer training the last."""
    return max(results, key=lambda result: result.epoch) if schedule.part else best_epoch(results)


def record_images(folder: Path, epoch: int, images: Mapping[str, npt.NDArray[np.uint8]]) -> None:
    """Add images, uint8[H, W, 3], to a run's TensorBoard log by name."""
    with _board(folder) as board:
        for name, image in images.items():
            board.add_image(name, image, epoch, dataformats="HWC")


def record(folder: Path, result: EpochResult) -> None:
    """Add an epoch to a run, in the place of any later ones that a crash left behind; and to its TensorBoard log."""
    kept = [row for row in read_results(folder, type(result)) if row.epoch < result.epoch]
    with whole_file(folder / RESULTS_FILE) as part, part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(result.columns)
        writer.writerows([getattr(row, field) for field in result.columns.values()] for row in (*kept, result))
    with _board(folder, result.epoch) as board:
        for column, field in result.columns.items():
            if column != "epoch":
                board.add_scalar(column, getattr(result, field), result.epoch)


@contextmanager
def _board(folder: Path, purge_step: int | None = None) -> "Iterator[SummaryWriter]":
    """Open a run's TensorBoard log; its files, which TensorBoard names after the machine, are named after raypp.

    TensorBoard reads files in the order of their names. Those that it makes within one second end in a number that is
    not padded: .10 would come before .9, and a reader would drop steps. Here they end in the time, in nanoseconds.
    """
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - slow to load, and only rank 0 writes

    with SummaryWriter(str(folder / _BOARD), purge_step=purge_step) as board:
        yield board
    for path in sorted((folder / _BOARD).glob(f"events.*.{socket.gethostname()}.*")):
        second = path.name.partition(f".{socket.gethostname()}.")[0]
        path.rename(path.with_name(f"{second}.raypp.{time.time_ns()}"))
