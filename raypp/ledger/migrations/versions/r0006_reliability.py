"""Reliability: how far each class of a model is to be believed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make room for what models tell of themselves; those that are there tell nothing."""
    op.add_column("models", sa.Column("reliabilities", sa.Text(), nullable=True))
