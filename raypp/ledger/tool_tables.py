"""Tables of research tools. Times are processing time, in microseconds since 1970."""

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
)
from sqlalchemy.orm import Mapped, mapped_column

from raypp.ledger.tables import Base

_Key = BigInteger().with_variant(Integer, "sqlite")


class ResearchToolRow(Base):
    """A version of a research tool, with all its bytes."""

    __tablename__ = "research_tools"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of `content`
    name: Mapped[str] = mapped_column(String(100))
    version: Mapped[str] = mapped_column(String(40))
    researcher: Mapped[str] = mapped_column(String(100))  # whose it is
    content: Mapped[bytes] = mapped_column(LargeBinary)  # the packed tool
    submitted_us: Mapped[int] = mapped_column(BigInteger)
    revoked_us: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (UniqueConstraint("name", "version", name="uq_research_tools_version"),)


class ToolApprovalRow(Base):
    """A person's signed approval of a tool's bytes together with a policy."""

    __tablename__ = "tool_approvals"
    digest: Mapped[str] = mapped_column(ForeignKey("research_tools.digest"), primary_key=True)
    policy: Mapped[str] = mapped_column(String(64), primary_key=True)  # digest of the policy
    approver: Mapped[str] = mapped_column(String(100), primary_key=True)
    document: Mapped[str] = mapped_column(Text)  # JSON of a ToolApproval
    approved_us: Mapped[int] = mapped_column(BigInteger)


class ToolRunRow(Base):
    """A run of a tool: charged before it begins, whatever comes of it."""

    __tablename__ = "tool_runs"
    run_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=True)
    digest: Mapped[str] = mapped_column(ForeignKey("research_tools.digest"))
    researcher: Mapped[str] = mapped_column(String(100))  # for whom
    parameters: Mapped[str] = mapped_column(Text)  # JSON, texts by name
    data: Mapped[str] = mapped_column(Text)  # what it read, in words
    bits: Mapped[int] = mapped_column(BigInteger)  # that it may tell at most
    began_us: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[int] = mapped_column(SmallInteger)  # a RunState
    rule: Mapped[int | None] = mapped_column(SmallInteger)  # that it broke
    words: Mapped[str] = mapped_column(Text)  # how; for the owner alone, as the two below
    messages: Mapped[str] = mapped_column(Text)
    seconds: Mapped[float | None] = mapped_column(Double)
    tables: Mapped[str | None] = mapped_column(Text)  # JSON of what may leave
    release_id: Mapped[int | None] = mapped_column(ForeignKey("tool_releases.release_id"))
    __table_args__ = (Index("ix_tool_runs_researcher", "researcher", "release_id"),)


class ToolReleaseRow(Base):
    """A batch of runs that has left."""

    __tablename__ = "tool_releases"
    release_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=True)
    researcher: Mapped[str] = mapped_column(String(100))
    released_us: Mapped[int] = mapped_column(BigInteger)
    who: Mapped[str] = mapped_column(String(200))
    runs: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64))  # of the file
