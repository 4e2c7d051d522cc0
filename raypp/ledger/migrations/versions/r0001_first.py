"""The first schema of the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_REFUSAL = "the audit log is append-only"


def upgrade() -> None:
    """Make all tables, and the triggers that keep the audit log append-only."""
    op.create_table(
        "audit",
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index(op.f("ix_audit_at_us"), "audit", ["at_us"], unique=False)
    op.create_table(
        "models",
        sa.Column("model_key", sa.String(length=32), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=False),
        sa.Column("veil_id", sa.String(length=32), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_key"),
    )
    op.create_table(
        "settings",
        sa.Column("settings_id", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("settings_id"),
    )
    op.create_table(
        "sites",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("settings", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reap_after_us", sa.BigInteger(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "cameras",
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("camera", sa.String(length=100), nullable=False),
        sa.Column("latest_epoch", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.name"],
        ),
        sa.PrimaryKeyConstraint("site", "camera"),
    )
    op.create_table(
        "streams",
        sa.Column(
            "stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("camera", sa.String(length=100), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("committed", sa.BigInteger(), nullable=False),
        sa.Column("lease", sa.BigInteger(), nullable=False),
        sa.Column("rewrites", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("settings_id", sa.String(length=64), nullable=True),
        sa.Column("model_key", sa.String(length=32), nullable=False),
        sa.Column("reaped", sa.Boolean(), nullable=False),
        sa.Column("last_frame", sa.BigInteger(), nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column("detections", sa.BigInteger(), nullable=False),
        sa.Column("forgotten_frames", sa.BigInteger(), nullable=False),
        sa.Column("floor_us", sa.BigInteger(), nullable=True),
        sa.Column("newest_us", sa.BigInteger(), nullable=True),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("clock_offset_us", sa.BigInteger(), nullable=False),
        sa.Column("agent_version", sa.String(length=64), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("active_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("end_reason", sa.SmallInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["model_key"],
            ["models.model_key"],
        ),
        sa.ForeignKeyConstraint(
            ["settings_id"],
            ["settings.settings_id"],
        ),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.name"],
        ),
        sa.PrimaryKeyConstraint("stream_id"),
        sa.UniqueConstraint("site", "camera", "epoch", name="uq_streams_name"),
    )
    op.create_index("ix_streams_active", "streams", ["ended_us", "active_us"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=True),
        sa.Column("operator", sa.String(length=100), nullable=True),
        sa.Column("secret_sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=True),
        sa.Column("revoked_us", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.name"],
        ),
        sa.PrimaryKeyConstraint("token_id"),
    )
    op.create_index(op.f("ix_tokens_site"), "tokens", ["site"], unique=False)
    op.create_table(
        "episodes",
        sa.Column("episode_id", sa.String(length=32), nullable=False),
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("tool", sa.String(length=200), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"],
            ["streams.stream_id"],
        ),
        sa.PrimaryKeyConstraint("episode_id"),
    )
    op.create_index("ix_episodes_changed", "episodes", ["site", "changed_us"], unique=False)
    op.create_index("ix_episodes_end", "episodes", ["site", "end_us"], unique=False)
    op.create_index("ix_episodes_start", "episodes", ["site", "start_us", "episode_id"], unique=False)
    op.create_index("ix_episodes_stream", "episodes", ["stream_id", "state"], unique=False)
    op.create_table(
        "frames",
        sa.Column(
            "stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("frame_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("timestamp_us", sa.BigInteger(), nullable=False),
        sa.Column("observation", sa.SmallInteger(), nullable=False),
        sa.Column("count", sa.SmallInteger(), nullable=False),
        sa.Column("detections", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"],
            ["streams.stream_id"],
        ),
        sa.PrimaryKeyConstraint("stream_id", "frame_index"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_frames_time", "frames", ["stream_id", "timestamp_us"], unique=False)
    op.create_table(
        "stretches",
        sa.Column(
            "stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("start_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("site", sa.String(length=100), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=False),
        sa.Column("observation", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["stream_id"],
            ["streams.stream_id"],
        ),
        sa.PrimaryKeyConstraint("stream_id", "start_us"),
    )
    op.create_index("ix_stretches_end", "stretches", ["site", "end_us"], unique=False)
    op.create_index("ix_stretches_start", "stretches", ["site", "start_us"], unique=False)
    op.create_table(
        "terms",
        sa.Column("stream_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_sequence", sa.BigInteger(), nullable=False),
        sa.Column("model_key", sa.String(length=32), nullable=False),
        sa.Column("settings_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["model_key"],
            ["models.model_key"],
        ),
        sa.ForeignKeyConstraint(
            ["settings_id"],
            ["settings.settings_id"],
        ),
        sa.ForeignKeyConstraint(
            ["stream_id"],
            ["streams.stream_id"],
        ),
        sa.PrimaryKeyConstraint("stream_id", "from_sequence"),
    )

    if op.get_bind().dialect.name == "sqlite":
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_refuses_{change.lower()} BEFORE {change} ON audit "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_refuses BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
    )
