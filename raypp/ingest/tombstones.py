"""Tombstones of a plan: what was forgotten of an archive, so that a later run veils nothing of it again."""

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, TypeAdapter

from raypp.errors import ConflictError

FORGETTING_FILE = "forgetting.json"
"""What `raypp forget-archive` is at, in the owner's folder; it is there while the archive is half done."""
IDENTITY = pa.binary(32)


class ForgottenSpan(BaseModel):
    """Frames that were forgotten of a source that still has others.

    Attributes:
        camera: only frames of the view with this name; None for all views.
        from_us: first presentation time, microseconds; None from the start.
        to_us: presentation time that it ends before; None to the end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    camera: str | None = None
    from_us: int | None = None
    to_us: int | None = None

    def covers(self, camera: str, timestamp_us: int) -> bool:
        """Whether a frame of a view is one of them."""
        return (
            self.camera in (None, camera)
            and (self.from_us is None or timestamp_us >= self.from_us)
            and (self.to_us is None or timestamp_us < self.to_us)
        )

    def holds(self, other: "ForgottenSpan") -> bool:
        """Whether all frames of another span are in this one."""
        return (
            self.camera in (None, other.camera)
            and (self.from_us is None or (other.from_us is not None and self.from_us <= other.from_us))
            and (self.to_us is None or (other.to_us is not None and self.to_us >= other.to_us))
        )

    @property
    def is_whole(self) -> bool:
        """Whether it covers all frames of a source."""
        return self == ForgottenSpan()


Spans = tuple[ForgottenSpan, ...]
_SPANS: TypeAdapter[Spans] = TypeAdapter(Spans)


def spans_word(spans: Iterable[ForgottenSpan]) -> str | None:
    """Return spans as a plan writes them, in one order and without those that lie in another; None for none."""
    each = set(spans)
    widest = [span for span in each if not any(other.holds(span) for other in each - {span})]
    rows = {json.dumps(span.model_dump(), sort_keys=True, separators=(",", ":")) for span in widest}
    return f"[{','.join(sorted(rows))}]" if rows else None


@lru_cache(maxsize=4096)
def read_spans(word: str | None) -> Spans:
    """Read what `spans_word` wrote; raises ValueError if it is something else."""
    return () if word is None else _SPANS.validate_json(word)


def no_tombstones() -> pa.Array:
    """Return the identities of no sources."""
    return pa.array([], IDENTITY)


def are_forgotten(identities: pa.ChunkedArray | pa.Array, tombstones: pa.Array) -> npt.NDArray[np.bool_]:
    """Return bool[N]: which of N sources were forgotten as a whole."""
    if not len(tombstones) or not len(identities):
        return np.zeros(len(identities), np.bool_)
    return np.asarray(pc.is_in(identities, value_set=tombstones).to_numpy(zero_copy_only=False), dtype=np.bool_)


def check_not_forgetting(private: Path, archive: str) -> None:
    """Refuse an archive of which something is half forgotten; raises ConflictError."""
    if (private / FORGETTING_FILE).exists():
        raise ConflictError(
            f"archive {archive} is half forgotten: a run of `raypp forget-archive` was stopped there; "
            "run it again first"
        )
