"""Frames as a row a chunk, the fold's state as bytes, and no index that every commit changes without need."""

import sqlalchemy as sa
from alembic import op

from raypp.ledger.packing import pack_state

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make room for chunks; frames that are there stay as they are, a row each."""
    op.create_table(
        "chunks",
        sa.Column(
            "stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("detections", sa.Integer(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["stream_id"], ["streams.stream_id"]),
        sa.PrimaryKeyConstraint("stream_id", "sequence"),
    )
    op.create_index("ix_chunks_time", "chunks", ["stream_id", "first_us"])
    _index("ix_chunks_long", "chunks", ["stream_id", "first_us"], "last_us - first_us > 3600000000")
    for name, table in (
        ("ix_episodes_end", "episodes"),
        ("ix_episodes_changed", "episodes"),
        ("ix_stretches_end", "stretches"),
        ("ix_streams_active", "streams"),
    ):
        op.drop_index(name, table)
    _index("ix_episodes_closed", "episodes", ["site", "changed_us"], "state <> 1")
    _index("ix_streams_going_on", "streams", ["site"], "ended_us IS NULL")
    _pack_states()


def _pack_states() -> None:
    op.add_column("streams", sa.Column("fold", sa.LargeBinary(), nullable=True))
    streams = sa.table(
        "streams", sa.column("stream_id", sa.BigInteger), sa.column("state", sa.Text), sa.column("fold", sa.LargeBinary)
    )
    connection = op.get_bind()
    ids = connection.execute(sa.select(streams.c.stream_id).where(streams.c.state.is_not(None))).scalars().all()
    for stream_id in ids:
        of_stream = streams.c.stream_id == stream_id
        text = connection.execute(sa.select(streams.c.state).where(of_stream)).scalar_one()
        connection.execute(sa.update(streams).where(of_stream).values(fold=pack_state(text)))
    op.drop_column("streams", "state")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
