"""What a checkpoint belongs to."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from raypp.detect.dataset import VeiledDataset
from raypp.detect.recipe import Recipe
from raypp.errors import ConflictError

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
    spec: dict[str, Any] = Field({}, description="public spec of the veil; empty in checkpoints that do not hold it")
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
            spec=header.spec,
            dataset_version=dataset.version,
            labels_version=dataset.labels_version,
            recipe=recipe,
        )

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
