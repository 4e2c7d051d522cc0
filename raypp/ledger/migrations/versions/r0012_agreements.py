"""Agreement of models that ran beside the live one."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "model_agreements",
        sa.Column("shadow_id", sa.String(length=64), nullable=False),
        sa.Column("live_id", sa.String(length=64), nullable=False),
        sa.Column("veil_id", sa.String(length=32), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shadow_id", "live_id"),
    )
