"""What a fit has come to, epoch by epoch: `epochs.jsonl`, one JSON object a line."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.evaluation import Scores
from raypp.detect.training import EpochLosses
from raypp.whole_file import write_text

EPOCHS_FILE = "epochs.jsonl"


class FitEpoch(BaseModel):
    """One finished epoch; `epoch` counts from 1, `seconds` from the begin of this run."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    seconds: float
    box_loss: float
    cls_loss: float
    dfl_loss: float
    detail: float = Field(description="correlation, inside cells, of what the best adversary rebuilt with the picture")
    tone: float = Field(description="share of the variance of cells' colours that the best adversary explained")
    bits: float = Field(description="entropy of a code value, in bits")
    map50: float = Field(description="of the detector on the codes of the val split")
    map50_95: float

    @classmethod
    def of(cls, losses: EpochLosses, scores: Scores, seconds: float) -> "FitEpoch":
        """Gather what is known of an epoch."""
        return cls(
            epoch=losses.epoch + 1,
            seconds=seconds,
            **{name: losses.losses.get(name, 0.0) for name in cls.model_fields if name in losses.losses},
            map50=scores.map50,
            map50_95=scores.map50_95,
        )


def read_epochs(folder: Path) -> list[FitEpoch]:
    """Read the finished epochs of a fit, in order."""
    path = folder / EPOCHS_FILE
    if not path.exists():
        return []
    return [FitEpoch.model_validate_json(line) for line in path.read_text().splitlines()]


def record_epoch(folder: Path, result: FitEpoch) -> None:
    """Add an epoch to a fit, in the place of any later ones that a crash left behind."""
    kept = [one for one in read_epochs(folder) if one.epoch < result.epoch]
    write_text(folder / EPOCHS_FILE, "".join(one.model_dump_json() + "\n" for one in (*kept, result)))
