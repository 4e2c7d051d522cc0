"""Chunks in partitions by the week of their first frame, in PostgreSQL; those that are there become one partition."""

import sqlalchemy as sa
from alembic import op

from raypp.io.clock import now_us
from raypp.ledger.partitions import BEFORE, OTHER, WEEK_US, week_of
from raypp.ledger.patience import lock_for_migration

revision = "0010"
down_revision = "0009"

_LOCKS = "LOCK TABLE streams IN SHARE ROW EXCLUSIVE MODE", "LOCK TABLE chunks IN ACCESS EXCLUSIVE MODE"
"""In the order in which commits lock them: a service of the version before may be at work."""
_LONG = sa.text("last_us - first_us > 3600000000")


def upgrade() -> None:
    """Partition chunks; SQLite has no partitions, and stays as it is."""
    if op.get_bind().dialect.name == "sqlite":
        return
    lock_for_migration(op.get_bind(), _LOCKS, ("chunks",))
    has_rows = op.get_bind().execute(sa.text("SELECT 1 FROM chunks LIMIT 1")).first() is not None
    if has_rows:
        _set_aside()
    else:
        op.drop_table("chunks")
    _make_table()
    if has_rows:
        _attach(week_of(now_us()) + WEEK_US)


def _set_aside() -> None:
    """Rename the table and what is named after it, so that its names are free."""
    op.execute(f"ALTER TABLE chunks RENAME TO {BEFORE}")
    op.execute(f"ALTER INDEX chunks_pkey RENAME TO {BEFORE}_pkey")
    for name in ("ix_chunks_time", "ix_chunks_long"):
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_before")


def _make_table() -> None:
    """Make the table without partitions but that of all other times; each partition has a primary key of its own."""
    op.create_table(
        "chunks",
        sa.Column("stream_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("detections", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.stream_id"]),
        postgresql_partition_by="RANGE (first_us)",
    )
    op.create_index("ix_chunks_time", "chunks", ["stream_id", "first_us"])
    op.create_index("ix_chunks_long", "chunks", ["stream_id", "first_us"], postgresql_where=_LONG)
    op.execute(f"CREATE TABLE {OTHER} PARTITION OF chunks DEFAULT")
    op.execute(f"ALTER TABLE {OTHER} ADD PRIMARY KEY (stream_id, sequence)")


def _attach(to_us: int) -> None:
    """Let the old table be the partition of all up to a time; what is later, by a wrong clock, goes to the other one.

    Its indexes and its foreign key serve as they are. PostgreSQL reads the table once, to see that all lies before.
    """
    connection = op.get_bind()
    late = sa.text(  # by the index of times, which begins with the stream
        f"SELECT stream_id FROM streams WHERE EXISTS (SELECT 1 FROM {BEFORE} AS rows "  # noqa: S608
        "WHERE rows.stream_id = streams.stream_id AND first_us >= :to_us OFFSET 0)"
    )
    move = sa.text(
        f"WITH late AS (DELETE FROM {BEFORE} WHERE stream_id = :stream_id AND first_us >= :to_us RETURNING *) "  # noqa: S608
        f"INSERT INTO {OTHER} SELECT * FROM late"
    )
    for stream_id in connection.execute(late, {"to_us": to_us}).scalars().all():
        connection.execute(move, {"stream_id": stream_id, "to_us": to_us})
    op.execute(f"ALTER TABLE chunks ATTACH PARTITION {BEFORE} FOR VALUES FROM (MINVALUE) TO ({to_us})")
