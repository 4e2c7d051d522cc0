"""JSON of the commands of `raypp model`. Times: microseconds since 1970."""

from typing import Self

from pydantic import BaseModel, ConfigDict

from raypp.ledger.model_agreement import KeptAgreement
from raypp.ledger.model_history import CountedModel
from raypp.ledger.model_values import (
    BundleFacts,
    Deployment,
    GateOutcome,
    ModelEvaluation,
    RegisteredModel,
    VeilCertificate,
)


class ModelListing(BaseModel):
    """A registered model; `certificate` is its veil's, of `raypp model show` alone."""

    model_config = ConfigDict(frozen=True)

    model_id: str
    veil_id: str
    name: str
    file: str
    facts: BundleFacts
    evaluations: tuple[ModelEvaluation, ...]
    aliases: tuple[str, ...]
    added_us: int
    retired_us: int | None
    certificate: VeilCertificate | None = None

    @classmethod
    def of(cls, model: RegisteredModel, certificate: VeilCertificate | None = None) -> Self:
        """List a model."""
        values = {name: getattr(model, name) for name in RegisteredModel.__slots__}
        return cls(**values, certificate=certificate)


class ModelsListing(BaseModel):
    """Models of a ledger, by veil and when they were added."""

    model_config = ConfigDict(frozen=True)

    models: tuple[ModelListing, ...]


class Promoted(BaseModel):
    """A promotion, with the outcomes of its gates."""

    model_config = ConfigDict(frozen=True)

    model_id: str
    veil_id: str
    gates: tuple[GateOutcome, ...]
    override: str | None


class RolledBack(BaseModel):
    """A rollback: the model that is live again, and the one that was."""

    model_config = ConfigDict(frozen=True)

    model_id: str
    former_id: str
    veil_id: str


class DeploymentListing(BaseModel):
    """Promotions and rollbacks, oldest first."""

    model_config = ConfigDict(frozen=True)

    deployments: tuple[Deployment, ...]


class CountedListing(BaseModel):
    """Models that counted at each camera at a moment, event time."""

    model_config = ConfigDict(frozen=True)

    at_us: int
    cameras: tuple[CountedModel, ...]


class AgreementListing(BaseModel):
    """How far shadows agreed with live models, the latest last."""

    model_config = ConfigDict(frozen=True)

    agreements: tuple[KeptAgreement, ...]
