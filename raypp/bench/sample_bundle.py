"""A bundle with random weights: it finds next to nothing, and costs what a trained detector costs."""

from pathlib import Path

from raypp.detect.bundle import Bundle, write_bundle
from raypp.detect.bundle_header import BundleHeader, BundleModelInfo
from raypp.detect.checkpoint import build_model
from raypp.detect.model_info import ModelInfo
from raypp.detect.schedule import TrainingSchedule
from raypp.detect.ultralytics import DetectionModel
from raypp.veil.spec import VeilSpec

CLASSES = ("hammer", "saw")


def sample_info(
    architecture: str, spec: VeilSpec, size: int, veil_id: str, classes: tuple[str, ...] = CLASSES
) -> ModelInfo:
    """Describe a detector that was never trained.

    Args:
        architecture: such as `yolov8n`.
        spec: of the veil that it reads.
        size: side of the square, in pixels.
        veil_id: of that veil.
        classes: that it tells apart.
    """
    return ModelInfo(
        architecture=architecture,
        classes=classes,
        channels=spec.channels,
        bits=spec.bits,
        patch=spec.patch,
        sub_keys=spec.sub_keys,
        size=size,
        veil_id=veil_id,
        spec=spec.model_dump(mode="json"),
        dataset_version="cd" * 16,
        labels_version="tools-v1",
        schedule=TrainingSchedule(epochs=1, batch=1, steps=1),
    )


def write_sample_bundle(path: Path, info: ModelInfo, model: DetectionModel | None = None) -> Path:
    """Write a detector as a bundle, in place of whatever is there; returns its path.

    Args:
        path: the file.
        info: of the detector.
        model: its weights; random ones by default.
    """
    header = BundleHeader(
        info=BundleModelInfo.model_validate(info.model_dump(mode="json")), precision="float32", epochs=1, scores=None
    )
    write_bundle(Bundle.of(header, (model or build_model(info)).state_dict()), path, force=True)
    return path
