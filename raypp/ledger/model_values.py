"""Values of the registry of models, as it stores and gives them. Times: microseconds since 1970, processing time."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

LIVE, PREVIOUS, CANDIDATE, SHADOW = "live", "previous", "candidate", "shadow"
"""Aliases that have a meaning: what services serve, what a rollback goes back to, what may be promoted, and what runs
beside the live one without counting."""


class DeploymentAction(StrEnum):
    """How a model became live."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


class BundleFacts(BaseModel):
    """Facts of a bundle that are needed without its file: architecture, class names in order, and the square's side."""

    model_config = ConfigDict(frozen=True)

    architecture: str
    classes: tuple[str, ...]
    size: int
    epochs: int

    def may_replace(self, running: "BundleFacts") -> str | None:
        """Say why a service could not put this bundle in another one's place while streams run; None if it could."""
        if self.size != running.size:
            return f"its square is {self.size} pixels, that of the live model {running.size}"
        shared = min(len(self.classes), len(running.classes))
        if self.classes[:shared] != running.classes[:shared]:
            return f"its classes are {', '.join(self.classes)}, those of the live model {', '.join(running.classes)}"
        return None


class ModelEvaluation(BaseModel):
    """Scores of a model on the frames of a split: means over its classes, in [0, 1]."""

    model_config = ConfigDict(frozen=True)

    dataset_version: str
    labels_version: str
    split: str
    samples: int
    map50: float
    map50_95: float

    @property
    def dataset(self) -> str:
        """The dataset's name, such as `tools-v1/val`; two of one name may still be of different versions."""
        return f"{self.labels_version}/{self.split}"

    def is_on_frames_of(self, other: "ModelEvaluation") -> bool:
        """Whether both are of the same frames and labels."""
        mine = (self.dataset_version, self.labels_version, self.split)
        return mine == (other.dataset_version, other.labels_version, other.split)


class GateOutcome(BaseModel):
    """Outcome of a gate of a promotion: `words` say on what grounds, or what is missing and how to get it."""

    model_config = ConfigDict(frozen=True)

    gate: str
    passed: bool
    words: str


class VeilCertificate(BaseModel):
    """Facts of the certificate of a veil's audit that are kept; `verdicts` by the name of a gate."""

    model_config = ConfigDict(frozen=True)

    veil_id: str
    sha256: str
    signed_by: str
    issued_us: int
    verdicts: dict[str, str]


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A model of the registry.

    Attributes:
        model_id: SHA-256 of its bundle's file, 64 hex digits.
        veil_id: the veil that it reads.
        name: by which people call it.
        file: where its bundle is kept.
        facts: of the bundle.
        evaluations: one for each dataset, in the order in which they were added.
        aliases: that stand for it now, sorted.
        added_us: when it was added.
        retired_us: when it was retired; None: it may be served.
    """

    model_id: str
    veil_id: str
    name: str
    file: str
    facts: BundleFacts
    evaluations: tuple[ModelEvaluation, ...]
    aliases: tuple[str, ...]
    added_us: int
    retired_us: int | None

    @property
    def label(self) -> str:
        """Name and begin of the id, for messages."""
        return f"{self.name} ({self.model_id[:12]})"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A promotion or a rollback.

    Attributes:
        at_us: when.
        veil_id: of the veil.
        action: which of the two.
        model_id: what became live.
        former_id: what was live before; None: nothing was.
        who: did it.
        gates: outcomes of its gates; none for a rollback.
        override: why it was promoted although a gate was missing; None where none was.
    """

    at_us: int
    veil_id: str
    action: DeploymentAction
    model_id: str
    former_id: str | None
    who: str
    gates: tuple[GateOutcome, ...]
    override: str | None
