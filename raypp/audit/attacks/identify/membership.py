"""Membership: was this veiled frame among those that the detector was trained on?"""

from dataclasses import dataclass

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Decisions
from raypp.errors import OptionError


@dataclass(frozen=True)
class Membership:
    """Takes a frame for a member where the detector's loss on it is low (Yeom et al., IEEE CSF 2018).

    Calibrated, it takes it for one where the loss was low and rises as the detector learns on from other frames, which
    makes it forget: an easy frame has a low loss before and after (Watson et al., On the Importance of Difficulty
    Calibration in Membership Inference Attacks, ICLR 2022).

    Attributes:
        calibrated: whether the loss is held against that of the detector after more training.
        steps: of that training.
    """

    calibrated: bool
    steps: int = 60
    adversary: Adversary = Adversary.INSIDER

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return AttackId(family="membership by loss", variant="calibrated" if self.calibrated else "")

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        others = ", and others that it did not learn from" if self.calibrated else ""
        return f"the detector, veiled frames and their labels, not knowing which of them it learnt from{others}"

    def decide(self, case: Case) -> Decisions:
        """Return how sure it is of members and of strangers.

        Raises:
            OptionError: if the case has no detector, or it is not known what it learnt from.
        """
        detector, trial = case.target.detector, case.trial
        if detector is None or trial is None:
            raise OptionError(f"{self.id.name} needs a detector and what it learnt from; give `model` and `members`")
        members, strangers = (-detector.losses(some) for some in (trial.members, trial.strangers))
        if self.calibrated:
            later = detector.further(trial.own, self.steps, case.seed)
            members += later.losses(trial.members)
            strangers += later.losses(trial.strangers)
        return Decisions(members, strangers)
