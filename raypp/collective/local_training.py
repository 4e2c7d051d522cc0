"""A site's own part: each round a run of the ordinary trainer, from the common weights and the site's adapter."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from raypp.collective.plan import CollectivePlan, weights_digest
from raypp.collective.ring import UpdateRing, Words
from raypp.collective.settings import JoinSettings
from raypp.collective.shared_layers import SharedLayers
from raypp.collective.start_bundle import load_start_bundle
from raypp.collective.weights import Vector
from raypp.detect.bundle import Bundle, write_bundle
from raypp.detect.bundle_header import WITH_PRIVACY, BundleHeader, BundleModelInfo, is_bundle
from raypp.detect.checkpoint import build_model
from raypp.detect.inputs.batch import COLUMNS, DetectionBatch, batch_of_rows
from raypp.detect.inputs.code_input import CodeInput
from raypp.detect.inputs.dataset import VeiledDataset
from raypp.detect.inputs.labelled import labelled_rows
from raypp.detect.inputs.rows import VAL_ROWS
from raypp.detect.model import build_detector, load_public_weights, load_trained_weights
from raypp.detect.model_info import DETECTOR_FOLDER, ModelInfo
from raypp.detect.privacy import PrivacyStatement
from raypp.detect.schedule import SchedulePart, TrainingSchedule
from raypp.detect.training_state import read_averages
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import CollectiveError, OptionError
from raypp.execution import ExecutionSettings
from raypp.io.private import private_folder
from raypp.progress import SILENT, Progress
from raypp.text.split_names import TRAIN, VAL
from raypp.train.initial_weights import check_veil
from raypp.train.local import columns_of
from raypp.train.provenance import record_provenance
from raypp.train.run import run_training
from raypp.train.settings import TrainSettings

MODEL_FILE = "collective.model"
_ROUNDS, _RUN, _START = "rounds", "run", "start.model"
_STATISTICS_FRAMES = 2048
"""Frames that the statistics of normalisations are taken over, at the end."""


def initial_model(plan: CollectivePlan, codes: CodeInput | None = None) -> DetectionModel:
    """Build the detector that a training starts from: public weights if the plan has some, else random ones.

    Its shared weights are the same for all owners; the adapter before them is of each one's codes.

    Args:
        plan: the plan, with this machine's file of weights.
        codes: that the adapter reads; None for any of the plan's patch.

    Raises:
        ModelError: if the architecture is unknown, or the weights do not fit.
    """
    torch.manual_seed(plan.seed)
    model = build_detector(plan.architecture, plan.classes, codes or CodeInput(1, 1, plan.patch, 1))
    if plan.weights is not None and is_bundle(plan.weights):
        load_start_bundle(model, plan.weights)
    elif plan.weights is not None:
        load_public_weights(model, plan.weights)
    return model


@dataclass(frozen=True)
class LocalTraining:
    """A site's training on its own archive.

    Attributes:
        plan: the plan, with the site's own file of weights.
        settings: the site's.
        dataset: what it trains on.
        layers: the shared weights.
        kept_weights: how many weights are not shared.
    """

    plan: CollectivePlan
    settings: JoinSettings
    dataset: VeiledDataset
    layers: SharedLayers
    kept_weights: int

    @classmethod
    def open(cls, plan: CollectivePlan, settings: JoinSettings) -> Self:
        """Check a site's archive against the plan, before anything is trained.

        Raises:
            OptionError, LabelError, ShardError: if it cannot be trained on as asked.
            CollectiveError: if classes or grid are other ones than the plan's.
        """
        if bool(plan.weights_sha256) != (settings.weights is not None):
            remedy = "give that file as `weights`" if plan.weights_sha256 else "leave `weights` out"
            raise OptionError(f"the plan starts from {'public' if plan.weights_sha256 else 'random'} weights; {remedy}")
        if settings.weights is not None and weights_digest(settings.weights) != plan.weights_sha256:
            raise OptionError(
                f"`weights` {settings.weights} is not the file that the plan states ({plan.weights_sha256[:12]}); "
                "get it from whoever wrote the plan"
            )
        dataset = VeiledDataset.open(settings.archive, settings.labels_version, settings.data_key_path)
        dataset.require(TRAIN, VAL)
        header = dataset.header
        for what, mine, theirs in (
            ("classes", ", ".join(dataset.classes), ", ".join(plan.classes)),
            ("size", header.size, plan.size),
            ("patch", header.patch, plan.patch),
        ):
            if mine != theirs:
                raise CollectiveError(
                    f"archive {settings.archive} has {what} {mine}, the plan {theirs}; veil and label it as the plan "
                    "says, or agree on another plan"
                )
        if settings.weights is not None:
            check_veil(settings.weights, header.veil_id)
        if dataset.splits[TRAIN] < plan.batch:
            raise OptionError(f"the plan's batch {plan.batch} is more than the {dataset.splits[TRAIN]} training frames")
        own = plan.model_copy(update={"weights": settings.weights})
        model = initial_model(own, dataset.codes)
        layers = SharedLayers.of(model, plan.summed)
        return cls(own, settings, dataset, layers, sum(each.numel() for each in model.parameters()) - layers.size)

    @property
    def frames(self) -> int:
        """Frames that it trains on."""
        return self.dataset.splits[TRAIN]

    def train_round(self, number: int, common_P: Vector, progress: Progress = SILENT) -> Vector:
        """Train one round, or go on with it; returns what it changed of the shared weights, float32[P].

        Args:
            number: of the round, from 1.
            common_P: the common weights that it starts from, float32[P].
            progress: is told each epoch.

        Raises:
            ModelError: if training fails.
        """
        folder = self._folder(number)
        start = folder / _START
        if not start.exists():
            private_folder(folder)
            write_bundle(self._bundle(self.layers.write(self._own(number), common_P), number - 1), start)
        epochs = self.plan.epochs
        settings = TrainSettings(
            archive=self.settings.archive,
            out=folder / _RUN,
            labels_version=self.dataset.labels_version,
            architecture=self.plan.architecture,
            weights=start,
            epochs=epochs,
            batch=self.plan.batch,
            nominal_batch=self.plan.nominal_batch,
            workers=self.settings.workers,
            least_workers=self.settings.workers,
            seed=self.plan.seed + 1000 * number,
            amp=self.settings.amp,
            gpu=self.settings.gpu,
            data_key_path=self.settings.data_key_path,
            part=SchedulePart(before=epochs * (number - 1), whole=epochs * self.plan.rounds),
        )
        run_training(settings, self.settings.execution or ExecutionSettings(), progress)
        for older in self._finished(number)[:-1]:
            shutil.rmtree(self._folder(older))
        return self.layers.read(self._trained(number)) - common_P

    def vector(self, number: int, _base: str, common_P: Vector, progress: Progress = SILENT) -> Words:
        """Train one round, or go on with it; returns what is to be summed, uint32[P + 1].

        Args:
            number: of the round, from 1.
            _base: digest of the common weights; of use where a round must not be answered twice.
            common_P: the common weights that it starts from, float32[P].
            progress: is told each epoch.

        Raises:
            ModelError: if training fails.
            CollectiveError: if the update came apart.
        """
        ring = self.plan.ring()
        assert isinstance(ring, UpdateRing)  # noqa: S101 - a private plan has a training of its own
        return ring.encode(self.train_round(number, common_P, progress), self.frames)

    def write_model(self, common_P: Vector, privacy: PrivacyStatement | None = None) -> Path:
        """Write the bundle of the common weights with the site's own adapter, and return its path.

        Statistics of normalisations are taken anew on the site's frames: they are of its own, and the weights are new.

        Args:
            common_P: the common weights after the last round, float32[P].
            privacy: what is promised of the common weights, if anything.
        """
        path = self.settings.out / MODEL_FILE
        model = build_model(_info(self.plan, self.dataset))
        load_trained_weights(model, self.layers.write(self._own(self.plan.rounds + 1), common_P))
        take_statistics(model, self._training_batches())
        write_bundle(self._bundle(model.state_dict(), self.plan.rounds, privacy), path, force=True)
        return path

    def _training_batches(self) -> Iterator[DetectionBatch]:
        rows = labelled_rows(
            self.settings.archive, self.dataset.labels_version, TRAIN, COLUMNS, self.settings.data_key_path
        )
        for number, columns in enumerate(columns_of(rows, VAL_ROWS)):
            if number * VAL_ROWS >= _STATISTICS_FRAMES:
                return
            yield batch_of_rows(columns, self.dataset.header)

    def _own(self, number: int) -> dict[str, Tensor]:
        """Return the tensors of which a round takes the adapter: those of the site's last round, or the first ones."""
        earlier = self._finished(number - 1)
        return self._trained(earlier[-1]) if earlier else self._first()

    def _first(self) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = initial_model(self.plan, self.dataset.codes).state_dict()
        return tensors

    def _trained(self, number: int) -> dict[str, Tensor]:
        return read_averages(self._folder(number) / _RUN / DETECTOR_FOLDER)[0]

    def _folder(self, number: int) -> Path:
        return self.settings.out / _ROUNDS / f"{number:05d}"

    def _finished(self, up_to: int) -> list[int]:
        """Return numbers of rounds whose training has ended, up to one."""
        numbers = [
            int(path.name)
            for path in (self.settings.out / _ROUNDS).glob("*")
            if (path / _RUN / DETECTOR_FOLDER).is_dir()
        ]
        return sorted(number for number in numbers if number <= up_to)

    def _bundle(self, tensors: Mapping[str, Tensor], rounds: int, privacy: PrivacyStatement | None = None) -> Bundle:
        info = _info(self.plan, self.dataset)
        header = BundleHeader(
            format_version=3 if privacy is None else WITH_PRIVACY,
            privacy=privacy,
            info=BundleModelInfo.model_validate(info.model_dump(mode="json")),
            precision="float32",
            epochs=rounds * self.plan.epochs,
            scores=None,
            provenance=record_provenance(self.settings.out, self.dataset, self.settings.weights),
        )
        return Bundle.of(header, tensors)


def take_statistics(model: DetectionModel, batches: Iterator[DetectionBatch]) -> None:
    """Take the statistics of a detector's normalisations anew, as means over batches; weights stay.

    Args:
        model: the detector.
        batches: of frames that it reads.
    """
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    with torch.no_grad():
        for batch in batches:
            model(batch.network_inputs(torch.device("cpu")))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def _info(plan: CollectivePlan, dataset: VeiledDataset) -> ModelInfo:
    schedule = TrainingSchedule(
        epochs=plan.rounds * plan.epochs,
        batch=plan.batch,
        steps=max(dataset.splits[TRAIN] // plan.batch, 1),
        seed=plan.seed,
        nominal_batch=plan.nominal_batch,
    )
    return ModelInfo.of(plan.architecture, dataset, schedule)
