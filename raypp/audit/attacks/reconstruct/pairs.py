"""The base of all attacks from known pairs."""

from dataclasses import dataclass
from typing import ClassVar

from raypp.audit.core.attack_id import AttackId
from raypp.audit.core.model import Adversary, Case, Images


@dataclass(frozen=True)
class FromPairs:
    """An attack that learns from `pairs` images, both plain and veiled as by the victims' cameras."""

    pairs: int
    method: ClassVar[str]

    @property
    def id(self) -> AttackId:
        """Which attack it is."""
        return AttackId(family=self.method, pairs=self.pairs)

    @property
    def adversary(self) -> Adversary:
        """Known-plaintext adversary."""
        return Adversary.KNOWN_PLAINTEXT

    @property
    def knowledge(self) -> str:
        """Knowledge of the attacker."""
        return f"{self.pairs} image{'s' if self.pairs > 1 else ''} plain and veiled, as by the victims' cameras"

    def known(self, case: Case) -> Images:
        """Return the known images that it learns from."""
        return case.known.take(range(min(self.pairs, len(case.known))))
