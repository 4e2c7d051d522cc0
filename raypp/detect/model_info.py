"""Model info: what a checkpoint belongs to."""

import operator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.architecture import Architecture, describe_architecture
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.schedule import TrainingSchedule
from raypp.errors import ConflictError
from raypp.shards.schema import MOST_SIZE
from raypp.text.names import Name, Names
from raypp.veil.preparation import Preparation

MODEL_INFO_FILE = "about.json"
DETECTOR_FOLDER = "detector"
"""Folder of the best epoch's detector in a run of training."""
MOST_MODEL_INFO_BYTES = 1_000_000


class ModelInfo(BaseModel):
    """Architecture, input, classes and data of a detector: no checkpoint is used on another veil or other classes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    architecture: Architecture
    classes: Names
    channels: int = Field(ge=1, le=256)
    bits: int = Field(ge=1, le=4)
    patch: Literal[4, 8, 16]
    sub_keys: int = Field(1, ge=1, le=64, description="sub-keys that the adapter tells apart")
    size: int = Field(ge=1, le=MOST_SIZE, description="side of the letterboxed square, in pixels")
    veil_id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    spec: dict[str, Any] = Field({}, description="public spec of the veil; empty in checkpoints that do not hold it")
    dataset_version: Name
    labels_version: Name
    preparation: Preparation = Field(
        Preparation(), exclude_if=operator.not_, description="of frames before they are veiled"
    )
    schedule: TrainingSchedule = Field(alias="recipe", description="how it was trained; `recipe` in stored files")

    @classmethod
    def of(cls, architecture: str, dataset: VeiledDataset, schedule: TrainingSchedule) -> "ModelInfo":
        """Describe a training on a dataset; raises ModelError if the architecture is none that can be built."""
        describe_architecture(architecture)
        header, codes = dataset.header, dataset.codes
        return cls(
            architecture=architecture,
            classes=dataset.classes,
            channels=codes.channels,
            bits=codes.bits,
            patch=codes.patch,
            sub_keys=codes.sub_keys,
            size=header.size,
            veil_id=header.veil_id,
            spec=header.spec,
            dataset_version=dataset.version,
            labels_version=dataset.labels_version,
            preparation=header.preparation,
            schedule=schedule,
        )

    def check(self, dataset: VeiledDataset, where: str) -> None:
        """Raise ConflictError, naming both sides, if a dataset is of another veil, grid or classes."""
        for what, mine, theirs in (
            ("veil", self.veil_id, dataset.header.veil_id),
            ("size", self.size, dataset.header.size),
            ("preparation", self.preparation, dataset.header.preparation),
            ("classes", ", ".join(self.classes), ", ".join(dataset.classes)),
        ):
            if mine != theirs:
                raise ConflictError(
                    f"{where} was trained on {what} {mine}, but {dataset.root} has {what} {theirs}; "
                    "use the archive and labels that belong to it"
                )


def detector_folder(model: Path) -> Path:
    """Return the detector's folder of a run of training; a detector's folder or exported file is returned as it is."""
    folder = model / DETECTOR_FOLDER
    return folder if folder.is_dir() else model
