"""Tables of the ledger. Times are microseconds since 1970, event time unless a comment says otherwise."""

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_Key = BigInteger().with_variant(Integer, "sqlite")
"""A surrogate key; SQLite numbers rows by itself only where the type is INTEGER."""

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
OPEN, HOURS, DAYS = "state = 1", f"end_us - start_us > {HOUR_US}", f"end_us - start_us > {DAY_US}"
"""Conditions of partial indexes: episodes that are open; rows that last for longer than an hour, or a day."""
CLOSED, GOES_ON = "state <> 1", "ended_us IS NULL"
"""Likewise: episodes that are not open; streams that have not ended."""
LONG = f"last_us - first_us > {HOUR_US}"
"""Likewise: chunks whose frames are more than an hour apart."""
WAITING = "state = 1"
"""Condition of a partial index: alerts that are not sent yet."""


class Base(DeclarativeBase):
    """The metadata that all tables share."""


class SettingsRow(Base):
    """Settings that a fold has used or will use, by the digest of their content."""

    __tablename__ = "settings"
    settings_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    document: Mapped[str] = mapped_column(Text)  # as YAML or JSON that SiteSettings.parse reads


class SiteRow(Base):
    """A registered site and its present settings."""

    __tablename__ = "sites"
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    settings: Mapped[str | None] = mapped_column(Text)  # the operator's own text; None: the default settings
    version: Mapped[int] = mapped_column(Integer)  # rises by one with each change of settings
    reap_after_us: Mapped[int] = mapped_column(BigInteger)
    alerts: Mapped[str | None] = mapped_column(Text)  # alert rules of the present settings, JSON; None: there are none
    added_us: Mapped[int] = mapped_column(BigInteger)  # processing time


class MoveRow(Base):
    """A site's move to another ledger, or from one, see `raypp.ledger.moves`; the two ledgers have a row each."""

    __tablename__ = "moves"
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"), primary_key=True)
    move_id: Mapped[str] = mapped_column(String(32))  # the same in both
    state: Mapped[int] = mapped_column(SmallInteger)  # a MoveState
    lease: Mapped[int] = mapped_column(BigInteger)  # rises when another process goes on with the move
    peer: Mapped[str] = mapped_column(Text)  # URL of the other ledger, without its password


class TokenRow(Base):
    """A token by which a site or an operator shows who it is; the secret itself is never stored."""

    __tablename__ = "tokens"
    token_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    site: Mapped[str | None] = mapped_column(ForeignKey("sites.name"), index=True)  # of a site's token
    operator: Mapped[str | None] = mapped_column(String(100))  # name, of an operator's token
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    created_us: Mapped[int] = mapped_column(BigInteger)  # processing time, as the two below
    expires_us: Mapped[int | None] = mapped_column(BigInteger)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)


class ModelRow(Base):
    """A model that has detected for a stream, with its classes."""

    __tablename__ = "models"
    model_key: Mapped[str] = mapped_column(String(32), primary_key=True)  # digest of the other columns
    model_id: Mapped[str] = mapped_column(String(64))
    veil_id: Mapped[str] = mapped_column(String(32))
    classes: Mapped[str] = mapped_column(Text)  # JSON list
    reliabilities: Mapped[str | None] = mapped_column(Text)  # JSON list; the model's file, so model_id, says it


class CameraRow(Base):
    """A camera of a site. Its row is locked while a stream of it is opened, so that take-overs have one order."""

    __tablename__ = "cameras"
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"), primary_key=True)
    camera: Mapped[str] = mapped_column(String(100), primary_key=True)
    latest_epoch: Mapped[int] = mapped_column(BigInteger)


class StreamRow(Base):
    """A stream: how far it is committed, and the fold's state at that point."""

    __tablename__ = "streams"
    stream_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=True)
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"))
    camera: Mapped[str] = mapped_column(String(100))
    epoch: Mapped[int] = mapped_column(BigInteger)
    committed: Mapped[int] = mapped_column(BigInteger)  # chunks 1..committed are durable
    lease: Mapped[int] = mapped_column(BigInteger)  # rises when another connection opens it, or it is rewritten
    rewrites: Mapped[int] = mapped_column(BigInteger)  # how often frames were forgotten or aggregated anew
    settings_id: Mapped[str | None] = mapped_column(ForeignKey("settings.settings_id"))  # of the fold's state
    model_key: Mapped[str] = mapped_column(ForeignKey("models.model_key"))
    reaped: Mapped[bool] = mapped_column()  # open episodes are provisional until the next commit
    last_frame: Mapped[int] = mapped_column(BigInteger)  # highest frame index; -1: none
    frames: Mapped[int] = mapped_column(BigInteger)  # ever committed, forgotten ones included
    detections: Mapped[int] = mapped_column(BigInteger)  # likewise
    forgotten_frames: Mapped[int] = mapped_column(BigInteger)
    floor_us: Mapped[int | None] = mapped_column(BigInteger)  # what lies before is forgotten and stays so
    newest_us: Mapped[int | None] = mapped_column(BigInteger)  # latest frame
    live: Mapped[bool] = mapped_column()
    clock_offset_us: Mapped[int] = mapped_column(BigInteger)  # service minus site for certain, when last opened
    agent_version: Mapped[str] = mapped_column(String(64))
    opened_us: Mapped[int] = mapped_column(BigInteger)  # processing time, as the two below; when last opened
    active_us: Mapped[int] = mapped_column(BigInteger)  # last commit, or when first opened
    ended_us: Mapped[int | None] = mapped_column(BigInteger)
    end_reason: Mapped[int | None] = mapped_column(SmallInteger)  # a CloseReason
    fold: Mapped[bytes | None] = mapped_column(LargeBinary)  # the fold's state, see packing; None: begin anew
    __table_args__ = (
        UniqueConstraint("site", "camera", "epoch", name="uq_streams_name"),
        Index("ix_streams_going_on", "site", sqlite_where=text(GOES_ON), postgresql_where=text(GOES_ON)),
    )


class OpenStreamRow(Base):
    """A stream that a gateway holds open: it counts among its site's until it is closed, or runs out."""

    __tablename__ = "open_streams"
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"), primary_key=True)
    camera: Mapped[str] = mapped_column(String(100), primary_key=True)
    gateway: Mapped[str] = mapped_column(String(200))
    connection: Mapped[int] = mapped_column(BigInteger)  # number among the gateway's
    until_us: Mapped[int] = mapped_column(BigInteger)  # by the database's clock
    __table_args__ = (Index("ix_open_streams_gateway", "gateway", "connection"),)


class TermRow(Base):
    """From which chunk of a stream on its frames are of which model and folded with which settings."""

    __tablename__ = "terms"
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"), primary_key=True)
    from_sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    model_key: Mapped[str] = mapped_column(ForeignKey("models.model_key"))
    settings_id: Mapped[str] = mapped_column(ForeignKey("settings.settings_id"))


class ChunkRow(Base):
    """The frames of a chunk that are kept, see `raypp.ledger.packing`; a chunk without any has no row."""

    __tablename__ = "chunks"
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"), primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    first_us: Mapped[int] = mapped_column(BigInteger)  # of the frames' times, the least
    last_us: Mapped[int] = mapped_column(BigInteger)  # the greatest
    frames: Mapped[int] = mapped_column(Integer)
    detections: Mapped[int] = mapped_column(Integer)
    packed: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        Index("ix_chunks_time", "stream_id", "first_us"),
        Index("ix_chunks_long", "stream_id", "first_us", sqlite_where=text(LONG), postgresql_where=text(LONG)),
    )


class FrameRow(Base):
    """A frame that schema 0006 or an older one has kept, and its detections; newer ones are in chunks."""

    __tablename__ = "frames"
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"), primary_key=True, autoincrement=False)
    frame_index: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger)
    timestamp_us: Mapped[int] = mapped_column(BigInteger)
    observation: Mapped[int] = mapped_column(SmallInteger)
    count: Mapped[int] = mapped_column(SmallInteger)  # of detections
    detections: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        Index("ix_frames_time", "stream_id", "timestamp_us"),
        {"sqlite_with_rowid": False},
    )


class EpisodeRow(Base):
    """One use of one tool."""

    __tablename__ = "episodes"
    episode_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"))
    site: Mapped[str] = mapped_column(String(100))
    tool: Mapped[str] = mapped_column(String(200))
    station: Mapped[str] = mapped_column(String(200))
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    seen_us: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[int | None] = mapped_column(SmallInteger)
    changed_us: Mapped[int] = mapped_column(BigInteger)  # processing time
    __table_args__ = (
        Index("ix_episodes_stream", "stream_id", "state"),
        Index("ix_episodes_start", "site", "start_us", "episode_id"),
        Index("ix_episodes_closed", "site", "changed_us", sqlite_where=text(CLOSED), postgresql_where=text(CLOSED)),
        *(
            Index(name, "site", "start_us", "episode_id", sqlite_where=text(some), postgresql_where=text(some))
            for name, some in (("ix_episodes_open", OPEN), ("ix_episodes_hours", HOURS), ("ix_episodes_days", DAYS))
        ),
    )


class StretchRow(Base):
    """A stretch of time of one stream in which its camera saw, or did not."""

    __tablename__ = "stretches"
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"), primary_key=True, autoincrement=False)
    start_us: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    site: Mapped[str] = mapped_column(String(100))
    end_us: Mapped[int] = mapped_column(BigInteger)
    observation: Mapped[int] = mapped_column(SmallInteger)
    __table_args__ = (
        Index("ix_stretches_start", "site", "start_us"),
        *(
            Index(name, "site", "start_us", sqlite_where=text(some), postgresql_where=text(some))
            for name, some in (("ix_stretches_hours", HOURS), ("ix_stretches_days", DAYS))
        ),
    )


class ViolationRow(Base):
    """One violation of a rule of a zone."""

    __tablename__ = "violations"
    violation_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"))
    site: Mapped[str] = mapped_column(String(100))
    kind: Mapped[int] = mapped_column(SmallInteger)  # a ViolationKind
    zone: Mapped[str] = mapped_column(String(100))
    item: Mapped[str] = mapped_column(String(100))
    track: Mapped[int] = mapped_column(BigInteger)
    start_us: Mapped[int] = mapped_column(BigInteger)
    end_us: Mapped[int] = mapped_column(BigInteger)
    seen_us: Mapped[int] = mapped_column(BigInteger)
    sure: Mapped[float] = mapped_column(Double)
    state: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[int | None] = mapped_column(SmallInteger)
    changed_us: Mapped[int] = mapped_column(BigInteger)  # processing time
    __table_args__ = (
        Index("ix_violations_stream", "stream_id", "state"),
        Index("ix_violations_start", "site", "start_us", "violation_id"),
    )


class ExposureRow(Base):
    """Person-time in a zone that requires an item, within a quarter of an hour."""

    __tablename__ = "exposures"
    stream_id: Mapped[int] = mapped_column(ForeignKey("streams.stream_id"), primary_key=True, autoincrement=False)
    zone: Mapped[str] = mapped_column(String(100), primary_key=True)
    item: Mapped[str] = mapped_column(String(100), primary_key=True)
    start_us: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    site: Mapped[str] = mapped_column(String(100))
    worn_us: Mapped[int] = mapped_column(BigInteger)
    not_worn_us: Mapped[int] = mapped_column(BigInteger)
    too_small_us: Mapped[int] = mapped_column(BigInteger)  # person-time that cannot be told, as the four below
    hidden_us: Mapped[int] = mapped_column(BigInteger)
    cut_us: Mapped[int] = mapped_column(BigInteger)
    turned_away_us: Mapped[int] = mapped_column(BigInteger)
    blind_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (Index("ix_exposures_start", "site", "start_us"),)


class JudgedRow(Base):
    """Up to where the executions of a procedure at a place have been judged, so that each raises its alerts once."""

    __tablename__ = "judged"
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"), primary_key=True)
    procedure: Mapped[str] = mapped_column(String(100), primary_key=True)
    place: Mapped[str] = mapped_column(String(201), primary_key=True)  # empty: each that has no row of its own
    until_us: Mapped[int] = mapped_column(BigInteger)  # those that began before are judged


class ChannelRow(Base):
    """A channel that a service carries alerts by, and the sender that holds it. Times are processing time."""

    __tablename__ = "channels"
    channel: Mapped[str] = mapped_column(String(100), primary_key=True)
    declared_us: Mapped[int] = mapped_column(BigInteger)  # when a sender last said that it has it
    holder: Mapped[str | None] = mapped_column(String(64))
    held_until_us: Mapped[int] = mapped_column(BigInteger)


class OutboxRow(Base):
    """An alert on its way by one channel: written in the transaction of what raised it."""

    __tablename__ = "outbox"
    delivery_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=True)
    alert_id: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(100))
    site: Mapped[str] = mapped_column(ForeignKey("sites.name"))
    camera: Mapped[str] = mapped_column(String(100))  # empty: the whole site
    kind: Mapped[str] = mapped_column(String(32))
    rule: Mapped[str] = mapped_column(String(100))
    moment_us: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str] = mapped_column(Text)  # JSON
    state: Mapped[int] = mapped_column(SmallInteger)  # a DeliveryState
    tries: Mapped[int] = mapped_column(Integer)  # that failed
    raised_us: Mapped[int] = mapped_column(BigInteger)  # processing time, as the two below
    due_us: Mapped[int] = mapped_column(BigInteger)  # not to be tried before
    done_us: Mapped[int | None] = mapped_column(BigInteger)  # when it was sent, or given up
    answer: Mapped[str | None] = mapped_column(Text)  # of the receiver to the latest try
    __table_args__ = (
        UniqueConstraint("alert_id", "channel", name="uq_outbox_alert"),
        Index("ix_outbox_site", "site", "delivery_id"),
        Index("ix_outbox_done", "state", "done_us"),
        Index(
            "ix_outbox_waiting",
            *("channel", "site", "camera", "moment_us", "delivery_id"),
            sqlite_where=text(WAITING),
            postgresql_where=text(WAITING),
        ),
    )


class AuditRow(Base):
    """Who read or changed what. Rows are only ever added: triggers refuse the rest."""

    __tablename__ = "audit"
    entry: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=True)
    at_us: Mapped[int] = mapped_column(BigInteger, index=True)  # processing time
    who: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str] = mapped_column(Text)
