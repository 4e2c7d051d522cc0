"""People: violations of zones' rules, and exposure."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_EXPOSED = "worn_us", "not_worn_us", "too_small_us", "hidden_us", "cut_us", "turned_away_us", "blind_us"


def upgrade() -> None:
    """Make the tables of violations and exposure."""
    op.create_table(
        "violations",
        sa.Column("violation_id", sa.String(length=32), nullable=False),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("zone", sa.String(length=100), nullable=False),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column("track", sa.BigInteger(), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("sure", sa.Double(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.stream_id"]),
        sa.PrimaryKeyConstraint("violation_id"),
    )
    op.create_index("ix_violations_stream", "violations", ["stream_id", "state"])
    op.create_index("ix_violations_start", "violations", ["site", "start_us", "violation_id"])
    op.create_table(
        "exposures",
        sa.Column(
            "stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("zone", sa.String(length=100), nullable=False),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column("start_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _EXPOSED),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.stream_id"]),
        sa.PrimaryKeyConstraint("stream_id", "zone", "item", "start_us"),
    )
    op.create_index("ix_exposures_start", "exposures", ["site", "start_us"])
