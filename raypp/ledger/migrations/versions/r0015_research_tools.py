"""Research tools: versions, approvals, runs, releases."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the tables."""
    key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "research_tools",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("researcher", sa.String(length=100), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("submitted_us", sa.BigInteger(), nullable=False),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("name", "version", name="uq_research_tools_version"),
    )
    op.create_table(
        "tool_approvals",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("policy", sa.String(length=64), nullable=False),
        sa.Column("approver", sa.String(length=100), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("approved_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["research_tools.digest"]),
        sa.PrimaryKeyConstraint("digest", "policy", "approver"),
    )
    op.create_table(
        "tool_releases",
        sa.Column("release_id", key, autoincrement=True, nullable=False),
        sa.Column("researcher", sa.String(length=100), nullable=False),
        sa.Column("released_us", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("runs", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("release_id"),
    )
    op.create_table(
        "tool_runs",
        sa.Column("run_id", key, autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("researcher", sa.String(length=100), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("bits", sa.BigInteger(), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("rule", sa.SmallInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("tables", sa.Text(), nullable=True),
        sa.Column("release_id", key, nullable=True),
        sa.ForeignKeyConstraint(["digest"], ["research_tools.digest"]),
        sa.ForeignKeyConstraint(["release_id"], ["tool_releases.release_id"]),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_index("ix_tool_runs_researcher", "tool_runs", ["researcher", "release_id"])
