"""Indexes by which neither open episodes nor a day are sought in the whole history."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Index open episodes, and those few episodes and stretches that last long."""
    _index("ix_episodes_open", "episodes", ["site", "start_us", "episode_id"], "state = 1")
    _index("ix_episodes_hours", "episodes", ["site", "start_us", "episode_id"], "end_us - start_us > 3600000000")
    _index("ix_episodes_days", "episodes", ["site", "start_us", "episode_id"], "end_us - start_us > 86400000000")
    _index("ix_stretches_hours", "stretches", ["site", "start_us"], "end_us - start_us > 3600000000")
    _index("ix_stretches_days", "stretches", ["site", "start_us"], "end_us - start_us > 86400000000")


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
