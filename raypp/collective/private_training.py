"""A site's part in a training with differential privacy: what leaves is noised, and each round is noised once."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from torch import Tensor

from raypp.collective.accountant import NoisedRounds
from raypp.collective.local_training import MODEL_FILE, LocalTraining, initial_model
from raypp.collective.noise import NoiseSource, Wholes
from raypp.collective.noised_round import NoisedRound, SpentError
from raypp.collective.plan import CollectivePlan
from raypp.collective.privacy_budget import PrivacyBudget, SpentRound, describe_earlier, now
from raypp.collective.privacy_options import PrivacyOptions, PrivacyUnit, PrivateLayers
from raypp.collective.private_ring import PrivateRing
from raypp.collective.ring import Words
from raypp.collective.settings import JoinSettings
from raypp.collective.shared_layers import SharedLayers
from raypp.collective.spending import statement
from raypp.collective.unit_training import UnitTraining
from raypp.collective.units import ArchiveUnits
from raypp.collective.weights import Vector
from raypp.detect.bundle import write_bundle
from raypp.detect.model import load_trained_weights
from raypp.detect.privacy import PrivacyStatement
from raypp.detect.ultralytics import DetectionModel
from raypp.errors import ModelError, OptionError
from raypp.execution import On
from raypp.io.private import private_folder
from raypp.progress import SILENT, Progress
from raypp.text.wording import counted

_MARK_BYTES = 16
_CHANCE = 1 << 53


@dataclass(frozen=True)
class PrivateTraining(LocalTraining):
    """A site's training on its own archive, of which a sum tells little about any unit."""

    @classmethod
    def open(cls, plan: CollectivePlan, settings: JoinSettings) -> "PrivateTraining":
        """Check a site's archive against the plan and count its units; errors as for `LocalTraining`."""
        training = super().open(plan, settings)
        if training.count_units() is not None:
            is_on_ray = settings.execution is not None and settings.execution.on is On.RAY
            if is_on_ray or settings.workers > 1 or settings.gpu:
                raise OptionError(
                    f"the plan's dp trains one {training.dp.unit} at a time, in this process; leave `workers` and "
                    "`gpu` out, and have `on` local"
                )
        return training

    def count_units(self) -> int | None:
        """Return how many units the archive has; None where the site is the unit. Raises OptionError for too many."""
        return None if self.dp.unit is PrivacyUnit.SITE else self.units.count(self.dp.units)

    @property
    def dp(self) -> PrivacyOptions:
        """Differential privacy of the plan."""
        assert self.plan.dp is not None  # noqa: S101 - by `training_of`
        return self.plan.dp

    @property
    def units(self) -> ArchiveUnits:
        """Units of the archive."""
        return ArchiveUnits(self.dataset, self.dp.unit, self.settings.data_key_path)

    @property
    def budget(self) -> PrivacyBudget:
        """The budget of the data."""
        return PrivacyBudget.at(self.settings.budget)

    def warnings(self) -> tuple[str, ...]:
        """Say what earlier plans have spent over the same data."""
        earlier = self.budget.earlier(self.dataset.header.veil_id, self.plan.digest)
        planned = NoisedRounds(self.dp.multiplier, self.dp.sample, self.plan.rounds)
        return describe_earlier(earlier, planned, self.dp.delta)

    def vector(self, number: int, base: str, common_P: Vector, progress: Progress = SILENT) -> Words:
        """Train one round, noise it once, and return what is to be summed, uint32[P + 1].

        Called again for the same round, it returns the same vector, of which a second sum tells nothing more.

        Args:
            number: of the round, from 1.
            base: digest of the common weights.
            common_P: the common weights that it starts from, float32[P].
            progress: is told how far it is.

        Raises:
            SpentError: if the round is none of the plan, was answered from other weights, or noise cannot be kept.
        """
        out = self.settings.out
        if number > self.plan.rounds:
            raise SpentError(
                f"the coordinator asks for round {number}, and the plan has {self.plan.rounds}: more would spend more "
                "than the owner has accepted; this site leaves"
            )
        noised = NoisedRound.read(out)
        if noised is None:
            self._require_unspent()
        if noised is None or not noised.require(number, base):
            source, ring = NoiseSource(), self._ring
            if self.dp.unit is PrivacyUnit.SITE:
                change_P, adapter = ring.clipped(self._whole_site(number, common_P, progress)), np.empty(0, np.float32)
            else:
                change_P, adapter = self._of_units(common_P, source, noised, progress)
            mark = os.urandom(_MARK_BYTES).hex()
            noised = NoisedRound(number, base, mark, ring.encode(change_P, source), adapter)
            private_folder(out)
            noised.write(out)
        self.budget.add(
            SpentRound(
                mark=noised.mark,
                veil_id=self.dataset.header.veil_id,
                plan=self.plan.digest,
                name=self.plan.name,
                unit=self.dp.unit,
                noise=self.dp.multiplier,
                sample=self.dp.sample,
                at=now(),
            )
        )
        return noised.vector

    def write_model(self, common_P: Vector, _privacy: PrivacyStatement | None = None) -> Path:
        """Write the bundle of the common weights with the site's own adapter, and what is promised of it.

        Where units are smaller than the site, no statistics are taken over its frames: they would have no noise.

        Args:
            common_P: the common weights after the last round, float32[P].
            _privacy: reckoned here, over all rounds of the plan.
        """
        promised = statement(self.dp, self.plan.rounds)
        if self.dp.unit is PrivacyUnit.SITE:
            return super().write_model(common_P, promised)
        path, model = self.settings.out / MODEL_FILE, self._model(common_P, NoisedRound.read(self.settings.out))
        write_bundle(self._bundle(model.state_dict(), self.plan.rounds, promised), path, force=True)
        return path

    def _require_unspent(self) -> None:
        """Raise SpentError if the plan's rounds were noised in another folder: it knows their noise, this one not."""
        before = self.budget.spent(self.dataset.header.veil_id, self.plan.digest)
        if before:
            raise SpentError(
                f"{counted(len(before), 'round')} of this plan had noise before, which {self.settings.out} does not "
                "hold: noise anew would spend their privacy twice; go on in the folder where they were, or agree on "
                "another plan"
            )

    @property
    def _ring(self) -> PrivateRing:
        ring = self.plan.ring()
        assert isinstance(ring, PrivateRing)  # noqa: S101 - by `training_of`
        return ring

    def _whole_site(self, number: int, common_P: Vector, progress: Progress) -> npt.NDArray[np.float64]:
        """Train as without privacy; a training that fails sends noise alone, for a missing site would tell."""
        try:
            return self.train_round(number, common_P, progress).astype(np.float64)
        except ModelError as error:
            progress.say(f"round {number}: {error}; this site sends noise alone")
            return np.zeros(self.layers.size)

    def _of_units(
        self, common_P: Vector, source: NoiseSource, noised: NoisedRound | None, progress: Progress
    ) -> tuple[Wholes, Vector]:
        """Sum what each unit changes, clipped; return that of the shared layers, and the adapter's next values."""
        model, ring = self._model(common_P, noised), self._ring
        own = self._adapter(model)
        start_A = own.read(model.state_dict()) if own.shapes else np.empty(0, np.float32)
        trained = SharedLayers(own.shapes + self.layers.shapes)
        training = UnitTraining(model, trained, self.dp.rate, self.plan.epochs)
        total_D, chosen = np.zeros(trained.size, dtype=np.int64), 0
        for batches in self.units.batches(self.plan.batch):
            if source.below(_CHANCE, 1)[0] < self.dp.sample * _CHANCE:
                total_D += ring.clipped(training.change(batches))
                chosen += 1
        progress.say(f"trained       {counted(chosen, 'unit')}, one by one")
        if not own.shapes:
            return total_D, np.empty(0, np.float32)
        kept_A = total_D[: own.size] + source.gaussian(ring.own_deviation, own.size)
        return total_D[own.size :], start_A + ring.mean(kept_A, 1)

    def _model(self, common_P: Vector, noised: NoisedRound | None) -> DetectionModel:
        """Return the detector that a round starts from; all but the layers under noise is as the plan starts."""
        model = initial_model(self.plan, self.dataset.codes)
        tensors: dict[str, Tensor] = self.layers.write(model.state_dict(), common_P)
        if noised is not None and len(noised.adapter):
            tensors = self._adapter(model).write(tensors, noised.adapter)
        load_trained_weights(model, tensors)
        return model

    def _adapter(self, model: DetectionModel) -> SharedLayers:
        """Return the adapter's layers, where they are trained under noise; else none."""
        return SharedLayers.of(model, (PrivateLayers.ADAPTER,) if self.dp.trains_adapter else ())


def training_of(plan: CollectivePlan, settings: JoinSettings) -> LocalTraining:
    """Check a site's archive against a plan, and return its training: private if the plan has `dp`.

    Raises:
        OptionError, LabelError, ShardError, CollectiveError: as for `LocalTraining.open`.
    """
    return (LocalTraining if plan.dp is None else PrivateTraining).open(plan, settings)
