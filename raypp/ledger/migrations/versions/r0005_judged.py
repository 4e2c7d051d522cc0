"""Up to where executions of procedures have been judged for alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "judged",
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("procedure", sa.String(length=100), nullable=False),
        sa.Column("place", sa.String(length=201), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.name"]),
        sa.PrimaryKeyConstraint("site", "procedure", "place"),
    )
