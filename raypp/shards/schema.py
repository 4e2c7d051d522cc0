"""Schema of a shard: plain Parquet that any reader opens, and the header that names its veil."""

import json
import operator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, Self

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from raypp.errors import ShardError
from raypp.io.fault import first_fault
from raypp.veil.preparation import Preparation
from raypp.veil.spec import spec_of

METADATA_KEY = b"raypp"
HEADER_FILE = "veil.json"
MOST_SIZE = 4096

SHARD_SCHEMA = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("camera", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("frame_index", pa.int64(), nullable=False),
        pa.field("timestamp_us", pa.int64(), nullable=False),
        pa.field("captured_at_us", pa.int64(), nullable=True),
        pa.field("sub_key", pa.int16(), nullable=False),
        pa.field("code", pa.binary(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("variant", pa.int8(), nullable=False),
        pa.field("variants", pa.int8(), nullable=False),
    ]
)


@dataclass(frozen=True)
class ShardRow:
    """One veiled frame, or a variant of one.

    Attributes:
        sample_id: keyed identity of the frame or variant, 32 hex digits.
        site, camera: where it was taken.
        source: pseudonym (or plain name) of its file.
        frame_index: number of the sampling tick, or the nominal number of the frame.
        timestamp_us: presentation time since the source's start, in microseconds.
        captured_at_us: capture time in UTC microseconds since 1970, or None where unknown.
        sub_key: public index of the sub-key.
        code: packed code values of the window, [C, rows, columns].
        width, height: size of the source's frame in pixels; with the header's size and patch they fix the window.
        variant: 0 for the frame itself, else the number of the variant; variants follow their frame.
        variants: how many variants the frame has.
    """

    sample_id: str
    site: str
    camera: str
    source: str
    frame_index: int
    timestamp_us: int
    captured_at_us: int | None
    sub_key: int
    code: bytes
    width: int
    height: int
    variant: int = 0
    variants: int = 0


PLAIN_TABLES: Final = 2
ENCRYPTED_TABLES: Final = 3
"""Schema versions of archives: manifest and labels are open, or encrypted as shards are."""
PREPARED: Final = 4
"""Schema version of archives whose frames were prepared; manifest and labels are encrypted where shards are."""


_BEFORE_RELEASES = 1


class Origin(StrEnum):
    """Where the frames of an archive come from."""

    RECORDED = "recorded"
    SYNTHETIC = "synthetic"
    MIXED = "mixed"


class ArchiveHeader(BaseModel):
    """Facts of a whole archive; in `veil.json`, in every shard and in the manifest.

    Version 3 differs from 2 in that manifest and labels are encrypted, too; only encrypted archives have it.
    Version 4 has a preparation.

    `origin` and `generator`, the SHA-256 of what drew synthetic frames, stand in archives alone that hold such frames.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[2, 3, 4] = PLAIN_TABLES
    veil_id: str = Field(pattern="^[0-9a-f]{32}$")
    spec: dict[str, Any]
    public_key: str
    size: int = Field(ge=1, le=MOST_SIZE)
    sampling: str
    source_names: Literal["pseudonym", "plain"]
    encrypted: bool
    variants: int = Field(default=0, ge=0)
    origin: Origin = Origin.RECORDED
    generator: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    preparation: Preparation = Field(default=Preparation(), exclude_if=operator.not_)

    @model_validator(mode="after")
    def _versioned(self) -> Self:
        if bool(self.preparation) != (self.schema_version == PREPARED):
            goes = "without" if self.preparation else "with"
            raise ValueError(f"schema version {self.schema_version} goes {goes} preparation")
        return self

    @field_validator("spec")
    @classmethod
    def _known(cls, spec: dict[str, Any]) -> dict[str, Any]:
        try:
            spec_of(spec)
        except ValidationError:
            raise ValueError("no spec that this raypp knows") from None
        return spec

    @property
    def encrypts_tables(self) -> bool:
        """Whether manifest and labels are encrypted as shards are; in archives of older versions they are open."""
        return self.encrypted and self.schema_version >= ENCRYPTED_TABLES

    @property
    def patch(self) -> int:
        """Side of a cell, in pixels."""
        return int(self.spec["patch"])

    @property
    def channels(self) -> int:
        """Code values per cell."""
        return int(self.spec["channels"])

    @property
    def bits(self) -> int:
        """Bits per code value."""
        return int(self.spec["bits"])

    @property
    def sub_keys(self) -> int:
        """Number of sub-keys, K."""
        return int(self.spec["sub_keys"])

    @property
    def grid(self) -> int:
        """Side of the letterboxed square, in cells."""
        return self.size // self.patch

    def to_bytes(self) -> bytes:
        """Return canonical JSON; that of recorded frames names no origin, as before there were others."""
        unsaid = {"origin", "generator"} if self.origin is Origin.RECORDED else None
        content = self.model_dump(mode="json", exclude=unsaid)
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, text: bytes, where: str = "archive header") -> Self:
        """Read what `to_bytes` wrote; raises ShardError naming `where` if it is something else."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ShardError(f"{where}: {_other_version(text) or f'{first_fault(error)}; it is damaged'}") from None


def _other_version(text: bytes) -> str | None:
    """Say of which version a header is, where that is none that is read."""
    try:
        version = json.loads(text)["schema_version"]
    except (ValueError, KeyError, TypeError):
        return None
    if isinstance(version, int) and version > PREPARED:
        return f"schema version {version} is of a newer raypp; install that"
    if version == _BEFORE_RELEASES:
        return "schema version 1 is of before the first release and read no more; veil its sources again"
    return None


def shard_schema(header: ArchiveHeader) -> pa.Schema:
    """Return the schema of a shard with its header in the file metadata."""
    return SHARD_SCHEMA.with_metadata({METADATA_KEY: header.to_bytes()})
