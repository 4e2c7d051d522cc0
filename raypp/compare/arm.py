"""One arm of a comparison: what is trained, on what schedule, and the row that comes of it."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from raypp.compare.arm_kind import ArmKind
from raypp.io.settings import FrozenSettings
from raypp.media.obfuscation import Obscuring
from raypp.veil.spec import VeilSpec

ArmProgress = Callable[[int, int, str], None]
"""Is told the epoch that ended, how many there are, and the last mAP50 in words."""
JPEG_QUALITY = 90
"""At which the size of obscured images is measured, with Pillow's other defaults."""


class ComparisonSchedule(FrozenSettings):
    """Settings that all arms of a comparison share.

    Attributes:
        architecture: name of a model that ultralytics knows.
        weights: public weights that every arm starts from, or None.
        size: side of the letterboxed square, in pixels.
        epochs: passes over the training images.
        batch: images of a step.
        nominal_batch: images whose gradients are gathered for one step of the optimiser.
        amp: mixed precision: float16 on a GPU, bfloat16 on a CPU; None for wherever a GPU or AMX is.
    """

    architecture: str = "yolov8n"
    weights: Path | None = None
    size: int = 640
    epochs: int = 100
    batch: int = 16
    nominal_batch: int = 64
    amp: bool | None = None


class Arm(BaseModel):
    """One detector to train: its input, its veil and its seed.

    Attributes:
        name: what the arm is called in tables; arms that differ in their seed only share it.
        kind: what it trains on.
        seed: of initial weights, order and augmentation.
        obscuring: how images are hidden, for obscured arms.
        spec: the veil, for veiled arms.
        variants: how many variants of each training image are veiled beside it.
        fitted: epochs for which the owner fits the adapter to public features before the arm is trained; 0 for none.
        sub_keys: whether the adapter tells sub-keys apart.
        adapter_rate: learning rate of the adapter as a multiple of the trunk's; None for the default.
        encoder: the encoder file, for a learned veil.
        start: the bundle that the detector starts from, instead of the schedule's public weights.
        layers: of the keyed map, for homeomorphic arms.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: ArmKind
    seed: int
    obscuring: Obscuring | None = None
    spec: VeilSpec | None = None
    variants: int = 0
    fitted: int = 0
    sub_keys: bool = True
    adapter_rate: float | None = None
    encoder: Path | None = None
    start: Path | None = None
    layers: int | None = None

    def row_id(self, schedule: ComparisonSchedule, dataset: str) -> str:
        """Name of the arm's row: a rerun with the same settings finds it, one with others does not."""
        weights = schedule.weights.name if schedule.weights else ""
        chosen = {
            name: value
            for name, value in self.model_dump(mode="json", exclude={"spec", "encoder", "start"}).items()
            if value != type(self).model_fields[name].default  # so that an option that is new leaves old rows alone
        }
        spec = self.spec.canonical().decode() if self.spec else ""
        parts = [
            json.dumps(chosen, sort_keys=True),
            spec,
            schedule.model_dump_json(exclude={"weights"}),
            weights,
            dataset,
        ]
        if self.start:
            parts.append("from the start of its fit")
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]
        return f"{self.name}-s{self.seed}-{digest}"


class VeilFigures(BaseModel):
    """Sizes and times of veiling the dataset; measured once for each veil, over all splits."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    frames: int
    shard_bytes: int
    source_bytes: int
    decode_s: float = Field(description="seconds of one core spent decoding and resizing")
    veil_s: float = Field(description="seconds of one core spent veiling and packing")

    @property
    def bytes_per_frame(self) -> float:
        """Bytes of shards for each frame, everything counted."""
        return self.shard_bytes / self.frames

    @property
    def size_ratio(self) -> float:
        """Bytes of shards over those of the image files."""
        return self.shard_bytes / self.source_bytes

    @property
    def frames_per_s(self) -> float:
        """Frames that one core veils in a second, once they are decoded."""
        return self.frames / self.veil_s


class ObscuredFigures(BaseModel):
    """Sizes of an obscured dataset, over train and val."""

    model_config = ConfigDict(frozen=True)

    frames: int
    jpeg_bytes: int = Field(description=f"of the obscured images as JPEG files of quality {JPEG_QUALITY}")
    source_bytes: int

    @property
    def bytes_per_frame(self) -> float:
        """Bytes of JPEG for each image."""
        return self.jpeg_bytes / self.frames

    @property
    def size_ratio(self) -> float:
        """Bytes of JPEG over those of the image files."""
        return self.jpeg_bytes / self.source_bytes


class ArmRow(BaseModel):
    """A finished arm, as it is kept: everything that a table or a doubter needs.

    Scores are of the averaged weights after the last epoch, on the val split.
    """

    model_config = ConfigDict(frozen=True)

    row_id: str
    arm: Arm
    schedule: ComparisonSchedule
    dataset: str
    train_images: int
    val_images: int
    map50: float
    map50_95: float
    classes: dict[str, float] = Field(description="mAP50 of each class")
    curve: tuple[tuple[int, float, float], ...] = Field(description="epoch, mAP50, mAP50-95 along the way")
    step_s: float = Field(description="seconds of a training step, median over epochs; loading included")
    train_s: float = Field(description="seconds of training, evaluation left out")
    fitted_share: float | None = Field(None, description="share of the features' variance that fitting explained")
    veil: VeilFigures | None = None
    obscured: ObscuredFigures | None = None
    wrong_key_map50: tuple[float, ...] = Field((), description="on the val images veiled under other keys")
    plain_input_map50: float | None = Field(None, description="on the val images quantised without a key")
    command: str
    commit: str
    device: str
    versions: dict[str, str]

    @property
    def hidden(self) -> VeilFigures | ObscuredFigures | None:
        """Figures of the hidden dataset; None for plain arms."""
        return self.veil or self.obscured
