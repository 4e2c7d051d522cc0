"""What a training has come to, epoch by epoch: `results.csv` in ultralytics' columns, and TensorBoard scalars."""

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from raypp.detect.evaluation import Scores
from raypp.detect.training import EpochLosses

RESULTS_FILE = "results.csv"
_BOARD = "tensorboard"

Picture = npt.NDArray[np.uint8]
_COLUMNS = {
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


class EpochResult(BaseModel):
    """One finished epoch; `epoch` counts from 1, `seconds` from the begin of this run."""

    model_config = ConfigDict(frozen=True)

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
    def of(cls, losses: EpochLosses, scores: Scores, seconds: float) -> "EpochResult":
        """Gather what is known of an epoch; a loss that the architecture does not have is 0."""
        return cls(
            epoch=losses.epoch + 1,
            seconds=seconds,
            box_loss=losses.losses.get("box_loss", 0.0),
            cls_loss=losses.losses.get("cls_loss", 0.0),
            dfl_loss=losses.losses.get("dfl_loss", 0.0),
            precision=scores.precision,
            recall=scores.recall,
            map50=scores.map50,
            map50_95=scores.map50_95,
            learning_rate=losses.learning_rate,
        )


def read_results(folder: Path) -> list[EpochResult]:
    """Read the finished epochs of a run, in order; a line that was cut off by a crash is left out."""
    path = folder / RESULTS_FILE
    if not path.exists():
        return []
    out = []
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            values = {field: row.get(column) for column, field in _COLUMNS.items()}
            if None not in values.values():
                out.append(EpochResult.model_validate(values))
    return out


def record_pictures(folder: Path, epoch: int, pictures: Mapping[str, Picture]) -> None:
    """Add pictures, uint8[H, W, 3], to a run's TensorBoard log by name."""
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - slow to load, and only rank 0 writes

    with SummaryWriter(str(folder / _BOARD)) as board:
        for name, picture in pictures.items():
            board.add_image(name, picture, epoch, dataformats="HWC")


def record(folder: Path, result: EpochResult) -> None:
    """Add an epoch to a run, in the place of any later ones that a crash left behind; and to its TensorBoard log."""
    from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - slow to load, and only rank 0 writes

    kept = [one for one in read_results(folder) if one.epoch < result.epoch]
    partial = folder / f".{RESULTS_FILE}.tmp"
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        writer.writerows([getattr(one, field) for field in _COLUMNS.values()] for one in (*kept, result))
    partial.replace(folder / RESULTS_FILE)
    with SummaryWriter(str(folder / _BOARD), purge_step=result.epoch) as board:
        for column, field in _COLUMNS.items():
            if column != "epoch":
                board.add_scalar(column, getattr(result, field), result.epoch)
