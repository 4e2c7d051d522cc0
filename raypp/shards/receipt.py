"""The receipt of a unit of work: canonical, so that it is the same however often the work was tried."""

import json
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.errors import ShardError


class Quarantined(BaseModel):
    """A source that could not be veiled, and why."""

    model_config = ConfigDict(frozen=True)

    source: str
    reason: str

    @property
    def line(self) -> str:
        """Source and reason in one line."""
        return self.reason if self.source in self.reason else f"{self.source}: {self.reason}"


class Receipt(BaseModel):
    """Result of one segment. Holds no times, hosts or attempts.

    Attributes:
        segment_id: 32 hex digits.
        shard: relative path of its shard, or None if not one frame could be decoded.
        shard_sha256: SHA-256 of the shard's bytes, hex; empty without a shard.
        shard_bytes: size of the shard.
        content_sha256: SHA-256 over the rows' values, the same whether or not the shard is encrypted.
        frames: rows of the shard.
        variants: how many of those rows are variants of a frame.
        part: this is part `part` of `parts` of its source; 0 of 1 for buckets of whole files.
        parts: number of parts.
        sources: names of the sources covered, as in the shard.
        first_timestamp_us: presentation time of the first row, or None.
        last_timestamp_us: presentation time of the last row, or None.
        decoded_digest: keyed digest of the decoded frames and variants, hex: tells another decoder from another veil;
            empty where `raypp rekey` translated them.
        quarantined: sources that could not be veiled.
        damaged_packets: packets that could not be decoded, and missing ends.
        damaged: names of the sources that those are of; empty in receipts of before they were kept.
        veil_id: the veil.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_id: str
    shard: str | None
    shard_sha256: str
    shard_bytes: int
    content_sha256: str
    frames: int
    variants: int = 0
    part: int
    parts: int
    sources: tuple[str, ...]
    first_timestamp_us: int | None
    last_timestamp_us: int | None
    decoded_digest: str
    quarantined: tuple[Quarantined, ...]
    damaged_packets: int
    veil_id: str
    damaged: tuple[str, ...] = ()

    @property
    def source_frames(self) -> int:
        """Rows that are frames of a source, and no variants of one."""
        return self.frames - self.variants

    def to_bytes(self) -> bytes:
        """Return canonical JSON; what is not damaged has the bytes that it had before damaged sources were named."""
        content = self.model_dump(mode="json", exclude=set() if self.damaged else {"damaged"})
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, text: bytes | str, where: str) -> Self:
        """Read what `to_bytes` wrote; raises ShardError naming `where` if it is damaged."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            raise ShardError(f"receipt {where} is damaged; remove it, and its segment is veiled again") from None
