"""Functions on detectors: train, evaluate, export, load."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raypp.api.arguments import Say, execution_of, path_of, progress_of
from raypp.key_sources.place import optional_key_place

if TYPE_CHECKING:
    from raypp.evaluate.detector import Detector
    from raypp.evaluate.report import EvaluationReport
    from raypp.evaluate.request import ChosenDetector
    from raypp.execution import ExecutionSettings
    from raypp.train.export import ExportSummary
    from raypp.train.run import TrainSummary
    from raypp.train.settings import TrainSettings


def train_detector(
    settings: "TrainSettings", *, on: "str | ExecutionSettings" = "auto", progress: Say | None = None
) -> "TrainSummary":
    """Train a detector on veiled frames, or go on with its run; needs shards and labels, and no veil key.

    Args:
        settings: archive, folder of the run, model and schedule.
        on: where; "auto" goes on where the run was begun, and begins one worker in this process, more on Ray.
        progress: is given a line an epoch, and some within long ones.

    Raises:
        OptionError: naming a field that is out of range.
        ConflictError: if the run was begun otherwise.
        LabelError, ShardError, ModelError: if archive or weights cannot be used, or training failed.
    """
    from raypp.train.run import run_training  # noqa: PLC0415

    return run_training(settings, execution_of(on), progress_of(progress))


def evaluate_detector(
    archive: str | Path,
    model: "str | Path | ChosenDetector",
    *,
    labels_version: str | None = None,
    split: str = "val",
    folder: str | Path | None = None,
    data_key: str | Path | None = None,
    on: "str | ExecutionSettings" = "auto",
    progress: Say | None = None,
) -> "EvaluationReport":
    """Measure a detector on the labelled frames of a split: mAP50, mAP50-95, each class, and what it gets wrong.

    Args:
        archive: folder or URL.
        model: a run of training, its detector folder, or an exported file; as a `ChosenDetector`, in another engine.
        labels_version: label version; None for the only one.
        split: name of the split.
        folder: where scores, images, errors and suspected label errors are written; None for nowhere.
        data_key: data key of encrypted shards: its file, or the URL of its source.
        on: where; takes `workers` and `gpus`.
        progress: is given lines.

    Raises:
        LabelError, ShardError: if archive or split cannot be used.
        ModelError, ConflictError: if the detector cannot be read, is of another veil, or the engine is unknown or not
            installed.
    """
    from raypp.evaluate.run import run_evaluation  # noqa: PLC0415

    return run_evaluation(
        str(archive),
        model,
        labels_version,
        split,
        path_of(folder),
        optional_key_place(data_key),
        execution_of(on),
        progress_of(progress),
    )


def export_detector(
    run: str | Path,
    out: str | Path,
    *,
    archive: str | Path | None = None,
    passphrase: str | None = None,
    half: bool = False,
    force: bool = False,
    formats: Sequence[str] = ("bundle",),
) -> "ExportSummary":
    """Write a trained detector as one file: weights, classes, veil and scores, and no code; or for other software.

    Args:
        run: a run of training, or its detector folder.
        out: the file; others beside it have its name and another suffix.
        archive: the archive it was trained on, for a run that does not hold the veil's spec.
        passphrase: to seal it under; None to leave it open.
        half: store the bundle's weights as float16.
        force: replace files that are there.
        formats: what to write: "bundle", which raypp reads, "onnx" and "openvino" for other software.

    Raises:
        OptionError: if a format is unknown, or a program is to be sealed or stored as float16.
        ModelError, ConflictError, ShardError: if the run cannot be read or the file not written.
    """
    from raypp.train.export import ExportFormat, write_export  # noqa: PLC0415

    return write_export(
        Path(run),
        Path(out),
        None if archive is None else str(archive),
        passphrase,
        half=half,
        force=force,
        formats=ExportFormat.of(formats),
    )


def load_detector(model: str | Path, *, engine: str | None = None) -> "Detector":
    """Load a detector; its `detect` takes frames of `open_archive`.

    Args:
        model: a run of training, its detector folder, or an exported file.
        engine: what computes, as `raypp serve` takes it: auto, torch, onnxruntime, openvino or tensorrt; None for
            torch, as in training.

    Raises:
        ModelError: if the detector cannot be read, or the engine is unknown or not installed here.
    """
    from raypp.detect.engines.name import engine_named  # noqa: PLC0415
    from raypp.evaluate.detector import Detector  # noqa: PLC0415

    return Detector.load(model, None if engine is None else engine_named(engine))
