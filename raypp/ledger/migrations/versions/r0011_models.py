"""The registry of models: bundles, aliases, deployments, and certificates of veils."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "registered_models",
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("veil_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("evaluations", sa.Text(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.Column("retired_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("model_id"),
        sa.UniqueConstraint("name", name="uq_registered_models_name"),
    )
    op.create_index("ix_registered_models_veil", "registered_models", ["veil_id"])
    op.create_table(
        "model_aliases",
        sa.Column("veil_id", sa.String(length=32), nullable=False),
        sa.Column("alias", sa.String(length=100), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["registered_models.model_id"]),
        sa.PrimaryKeyConstraint("veil_id", "alias"),
    )
    op.create_table(
        "deployments",
        sa.Column(
            "deployment_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("veil_id", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("former_id", sa.String(length=64), nullable=True),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("gates", sa.Text(), nullable=False),
        sa.Column("override", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["model_id"], ["registered_models.model_id"]),
        sa.ForeignKeyConstraint(["former_id"], ["registered_models.model_id"]),
        sa.PrimaryKeyConstraint("deployment_id"),
    )
    op.create_index("ix_deployments_veil", "deployments", ["veil_id", "deployment_id"])
    op.create_table(
        "veil_certificates",
        sa.Column("veil_id", sa.String(length=32), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("signed_by", sa.String(length=16), nullable=False),
        sa.Column("issued_us", sa.BigInteger(), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("veil_id"),
    )
