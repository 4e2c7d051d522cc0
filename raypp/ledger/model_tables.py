"""Tables of the registry of models. Times are processing time, in microseconds since 1970."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from raypp.ledger.tables import Base


class RegisteredModelRow(Base):
    """A model that may be served: its bundle, and how it was evaluated."""

    __tablename__ = "registered_models"
    model_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    veil_id: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(100))
    file: Mapped[str] = mapped_column(Text)  # where services and commands find the bundle
    document: Mapped[str] = mapped_column(Text)  # JSON of a BundleFacts
    evaluations: Mapped[str] = mapped_column(Text)  # JSON list of ModelEvaluation
    added_us: Mapped[int] = mapped_column(BigInteger)
    retired_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        UniqueConstraint("name", name="uq_registered_models_name"),
        Index("ix_registered_models_veil", "veil_id"),
    )


class AliasRow(Base):
    """Which model of a veil an alias stands for."""

    __tablename__ = "model_aliases"
    veil_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    alias: Mapped[str] = mapped_column(String(100), primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("registered_models.model_id"))
    set_us: Mapped[int] = mapped_column(BigInteger)


class DeploymentRow(Base):
    """A promotion or a rollback: from when on which model of a veil was to be served, and why it might."""

    __tablename__ = "deployments"
    deployment_id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at_us: Mapped[int] = mapped_column(BigInteger)
    veil_id: Mapped[str] = mapped_column(String(32))
    action: Mapped[str] = mapped_column(String(16))  # a DeploymentAction
    model_id: Mapped[str] = mapped_column(ForeignKey("registered_models.model_id"))
    former_id: Mapped[str | None] = mapped_column(ForeignKey("registered_models.model_id"))
    who: Mapped[str] = mapped_column(String(200))
    gates: Mapped[str] = mapped_column(Text)  # JSON list of GateOutcome
    override: Mapped[str | None] = mapped_column(Text)  # the reason why a missing gate did not count
    __table_args__ = (Index("ix_deployments_veil", "veil_id", "deployment_id"),)


class VeilCertificateRow(Base):
    """The certificate of an audit of a veil that models were promoted by."""

    __tablename__ = "veil_certificates"
    veil_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))  # of its file
    signed_by: Mapped[str] = mapped_column(String(16))  # fingerprint of the key
    issued_us: Mapped[int] = mapped_column(BigInteger)
    verdicts: Mapped[str] = mapped_column(Text)  # JSON, verdict by the name of a gate
    added_us: Mapped[int] = mapped_column(BigInteger)


class AgreementRow(Base):
    """How far a model that ran beside the live one detected the same: counts alone."""

    __tablename__ = "model_agreements"
    shadow_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    live_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    veil_id: Mapped[str] = mapped_column(String(32))
    document: Mapped[str] = mapped_column(Text)  # JSON of an Agreement
    first_us: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int] = mapped_column(BigInteger)
