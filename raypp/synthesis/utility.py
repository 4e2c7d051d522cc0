"""The worth of synthetic frames: a detector trained on them, and one on real frames, both judged on real val frames."""

from dataclasses import dataclass
from pathlib import Path

from raypp.detect.inputs.dataset import VeiledDataset
from raypp.evaluate.report import EvaluationScores
from raypp.evaluate.run import run_evaluation
from raypp.execution import ExecutionSettings, On
from raypp.progress import Progress
from raypp.synthesis.report import LEAST_UTILITY, Utility
from raypp.synthesis.settings import SynthesisSettings
from raypp.text.split_names import TRAIN, VAL
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings

_FOLDER = "utility"
_HERE = ExecutionSettings(on=On.LOCAL)


@dataclass(frozen=True)
class UtilityTask:
    """How worth is measured.

    Attributes:
        architecture: of both detectors.
        weights: what both start from; None for random weights.
        epochs: of the training on real frames; that on synthetic ones makes as many steps, or up to an epoch more.
    """

    architecture: str
    weights: Path | None
    epochs: int


def measure_utility(settings: SynthesisSettings, labels_version: str, task: UtilityTask, progress: Progress) -> Utility:
    """Train both detectors, or go on with them, and judge them on the real val frames.

    Args:
        settings: the real and the synthetic archive; the runs go into the owner's folder.
        labels_version: of both.
        task: how is trained.
        progress: is told each epoch.

    Raises:
        LabelError, ShardError, ModelError, OptionError: as for `run_training`.
    """
    folder, data_key = settings.generator_folder.parent / _FOLDER, settings.data_key_path
    real = VeiledDataset.open(settings.archive, labels_version, data_key)
    synthetic = VeiledDataset.open(str(settings.out), labels_version, data_key)
    epochs = max(1, -(-task.epochs * _steps(real, settings) // _steps(synthetic, settings)))

    def judged(name: str, archive: str, passes: int) -> EvaluationScores:
        progress.say(f"utility: a detector of {name} frames")
        out = folder / name
        training = TrainSettings(
            archive=archive,
            labels_version=labels_version,
            out=out,
            architecture=task.architecture,
            weights=task.weights,
            epochs=passes,
            batch=settings.batch,
            nominal_batch=settings.batch,
            seed=settings.seed,
            amp=settings.amp,
            data_key_path=data_key,
        )
        run_training(training, _HERE, progress)
        report = run_evaluation(settings.archive, out, labels_version, VAL, None, data_key, _HERE, progress)
        return report.scores

    by_real = judged("real", settings.archive, task.epochs)
    by_synthetic = judged("synthetic", str(settings.out), epochs)
    share = by_synthetic.map50 / by_real.map50 if by_real.map50 else 0.0
    return Utility(
        weights=task.weights.name if task.weights else None,
        epochs=task.epochs,
        real_frames=real.splits[TRAIN],
        synthetic_frames=synthetic.splits[TRAIN],
        real_map50=by_real.map50,
        synthetic_map50=by_synthetic.map50,
        real_map50_95=by_real.map50_95,
        synthetic_map50_95=by_synthetic.map50_95,
        share=share,
        passed=share >= LEAST_UTILITY,
    )


def _steps(dataset: VeiledDataset, settings: SynthesisSettings) -> int:
    """Steps of an epoch."""
    return max(1, dataset.splits[TRAIN] // settings.batch)
