"""An evaluation from an archive and a detector to its report."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from raypp.detect.checkpoint import read_model_info
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.model_info import detector_folder
from raypp.evaluate.predict import predict_here, read_codes
from raypp.evaluate.report import EvaluationReport, make_evaluation_report, write_evaluation_report
from raypp.evaluate.request import ChosenDetector, PredictedSample, PredictSettings
from raypp.evaluate.sample_table import SampleTable
from raypp.evaluate.scores import EvaluationSubject
from raypp.execution import ExecutionSettings, Executor, On, on_ray
from raypp.io.filesystem import is_url
from raypp.key_sources.place import KeyPlace
from raypp.progress import SILENT, Advance, Progress
from raypp.text.split_names import VAL
from raypp.text.wording import counted

PredictExecutor = Executor[[PredictSettings], Iterable[PredictedSample]]
"""Predicts frame by frame, in any order."""


def run_evaluation(
    archive: str,
    model: str | Path | ChosenDetector,
    labels_version: str | None = None,
    split: str = VAL,
    folder: Path | None = None,
    data_key_path: KeyPlace | None = None,
    execution: ExecutionSettings | None = None,
    progress: Progress = SILENT,
) -> EvaluationReport:
    """Measure a detector on the labelled frames of a split.

    Args:
        archive: the veiled archive.
        model: a run of training, its detector folder, or an exported file; and what computes it.
        labels_version: label version; None for the only one.
        split: name of the split.
        folder: where scores, images, mistakes and suspected label errors are written; None for nowhere.
        data_key_path: data key of encrypted shards.
        execution: where it is done; by default in this process, which uses all its CPUs or its GPU.
        progress: is told how far it is.

    Raises:
        LabelError: if the split has no frames.
        ShardError: if the archive cannot be read.
        ModelError, ConflictError: if the detector cannot be read, or is of another veil.
        OptionError: if the folder cannot be written, or the place cannot be.
    """
    execution = execution or ExecutionSettings()
    execution.check("workers", "gpus")
    path, engine = ChosenDetector.of(model)
    detector = detector_folder(path)
    dataset = VeiledDataset.open(archive, labels_version, data_key_path)
    dataset.require(split)
    info = read_model_info(detector)
    info.check(dataset, str(detector))
    settings = PredictSettings(
        archive=archive if is_url(archive) else str(Path(archive).absolute()),
        labels_version=dataset.labels_version,
        split=split,
        detector=detector.absolute(),
        data_key_path=data_key_path.absolute() if data_key_path else None,
        engine=engine,
    )
    on = execution.choose()
    predict: PredictExecutor = on_ray("evaluate", execution) if on is On.RAY else predict_here
    start = "; Ray takes up to a minute to start" if on is On.RAY else ""
    progress.say(f"begins        {counted(dataset.splits[split], f'{split} frame')}{start}")
    with progress.task("evaluating", dataset.splits[split]) as advance:
        samples = SampleTable(_counted(predict(settings), advance))
    subject = EvaluationSubject(
        model_id=_digest(detector) if detector.is_file() else None,
        veil_id=info.veil_id,
        dataset_version=dataset.version,
        labels_version=dataset.labels_version,
        split=split,
        engine=engine and str(engine),
    )
    report = make_evaluation_report(samples, dataset.classes, info.size, subject)
    if folder:
        samples.keep_codes(read_codes(settings, report.worst()))
        write_evaluation_report(report, folder)
    return report


def _counted(samples: Iterable[PredictedSample], advance: Advance) -> Iterator[PredictedSample]:
    for sample in samples:
        yield sample
        advance(1, "", 1)


def _digest(bundle: Path) -> str:
    """SHA-256 of an exported file, by which services and the registry of models know it."""
    with bundle.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
