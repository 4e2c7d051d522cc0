"""Alerts: rules of a site, channels, and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WAITING = sa.text("state = 1")


def upgrade() -> None:
    """Make the outbox and its channels, and room for each site's alert rules."""
    op.add_column("sites", sa.Column("alerts", sa.Text(), nullable=True))
    op.create_table(
        "channels",
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("declared_us", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=True),
        sa.Column("held_until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("camera", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("moment_us", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("raised_us", sa.BigInteger(), nullable=False),
        sa.Column("due_us", sa.BigInteger(), nullable=False),
        sa.Column("done_us", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["site"], ["sites.name"]),
        sa.PrimaryKeyConstraint("delivery_id"),
        sa.UniqueConstraint("alert_id", "channel", name="uq_outbox_alert"),
    )
    op.create_index("ix_outbox_site", "outbox", ["site", "delivery_id"])
    op.create_index("ix_outbox_done", "outbox", ["state", "done_us"])
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["channel", "site", "camera", "moment_us", "delivery_id"],
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
