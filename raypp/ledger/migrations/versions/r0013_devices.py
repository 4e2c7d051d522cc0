"""Devices: what each agent of a site last said of itself."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "devices",
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("device", sa.String(length=100), nullable=False),
        sa.Column("instance", sa.BigInteger(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("reported_us", sa.BigInteger(), nullable=False),
        sa.Column("late_after_us", sa.BigInteger(), nullable=False),
        sa.Column("missing_after_us", sa.BigInteger(), nullable=False),
        sa.Column("clash_us", sa.BigInteger(), nullable=True),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"]),
        sa.PrimaryKeyConstraint("site", "device"),
    )
