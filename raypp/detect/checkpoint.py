"""Checkpoints: tensors, and beside them in plain words what they belong to."""

from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.detect.dataset import VeiledDataset
from raypp.detect.library import DetectionModel
from raypp.detect.model import CodeInput, build_detector
from raypp.detect.training import Recipe
from raypp.errors import ConflictError, ModelError

STATE_FILE = "state.pt"
ABOUT_FILE = "about.json"


class About(BaseModel):
    """What a checkpoint belongs to: no checkpoint is used on another veil or other classes than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    classes: tuple[str, ...]
    channels: int
    bits: int
    patch: int
    sub_keys: int = Field(1, description="sub-keys that the adapter tells apart")
    size: int = Field(description="side of the letterboxed square, in pixels")
    veil_id: str
    dataset_version: str
    labels_version: str
    recipe: Recipe

    @classmethod
    def of(cls, architecture: str, dataset: VeiledDataset, recipe: Recipe) -> "About":
        """Describe a training on a dataset."""
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
            dataset_version=dataset.version,
            labels_version=dataset.labels_version,
            recipe=recipe,
        )

    def build(self) -> DetectionModel:
        """Build the detector, with weights yet to be loaded."""
        codes = CodeInput(self.channels, self.bits, self.patch, self.sub_keys)
        return build_detector(self.architecture, self.classes, codes)

    def check(self, dataset: VeiledDataset, where: str) -> None:
        """Raise ConflictError, naming both sides, if a dataset is of another veil, grid or classes."""
        for what, mine, theirs in (
            ("veil", self.veil_id, dataset.header.veil_id),
            ("size", self.size, dataset.header.size),
            ("classes", ", ".join(self.classes), ", ".join(dataset.classes)),
        ):
            if mine != theirs:
                raise ConflictError(
                    f"{where} was trained on {what} {mine}, but {dataset.root} has {what} {theirs}; "
                    "use the archive and labels that belong to it"
                )


def write_checkpoint(folder: Path, about: About, state: dict[str, Any]) -> None:
    """Write a checkpoint into a folder that is there."""
    torch.save(state, folder / STATE_FILE)
    (folder / ABOUT_FILE).write_text(about.model_dump_json(indent=1) + "\n")


def read_about(folder: Path) -> About:
    """Read what a checkpoint belongs to; raises ModelError if it is none."""
    try:
        return About.model_validate_json((folder / ABOUT_FILE).read_bytes())
    except (OSError, ValidationError):
        raise ModelError(f"{folder} is no checkpoint of raypp; give the folder that `raypp train` wrote") from None


def read_state(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's tensors, never any code; raises ModelError if it is damaged."""
    try:
        state: dict[str, Any] = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch raises what its many layers raise
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ModelError(f"checkpoint {folder} is damaged ({reason}); use an earlier one") from None
    return state


def load_detector(folder: Path) -> tuple[DetectionModel, About]:
    """Build the detector of a checkpoint with its averaged weights, in evaluation mode; raises ModelError."""
    about = read_about(folder)
    model = about.build()
    model.load_state_dict(read_state(folder)["ema"])
    return model.eval(), about
