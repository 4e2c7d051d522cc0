"""Streams that gateways hold open, so that those of a site are counted on all gateways together."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "open_streams",
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("camera", sa.String(length=100), nullable=False),
        sa.Column("gateway", sa.String(length=200), nullable=False),
        sa.Column("connection", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"]),
        sa.PrimaryKeyConstraint("site", "camera"),
    )
    op.create_index("ix_open_streams_gateway", "open_streams", ["gateway", "connection"])
