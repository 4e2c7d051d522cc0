"""The work of a forgetting, kept in the owner's folder from its first change on, so that a killed run goes on."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from raypp.errors import ShardError
from raypp.forget.order import ForgetOrder
from raypp.forget.receipt import HeldDataset, JudgedModel, LabelsBefore
from raypp.ingest.tombstones import FORGETTING_FILE, ForgottenSpan
from raypp.io.atomic import PART_SUFFIX
from raypp.io.private import private_folder, write_private


class ForgottenSource(BaseModel):
    """A source of which something is forgotten.

    Attributes:
        identity: keyed hash of its content, hex.
        spans: which of its frames; empty for all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: str
    spans: tuple[ForgottenSpan, ...] = ()


class ForgetWork(BaseModel):
    """All that a forgetting does, and what was before it.

    Attributes:
        selection: keyed digest of what was selected; empty for an order.
        order: what is taken out; the owner's own has no signature yet.
        is_own: whether the owner does it, or somebody who holds a copy.
        sources: what the owner's plan forgets.
        manifest: digest of this archive's manifest before.
        frames, variants: how many of each this archive has of what is forgotten.
        labels: its label versions.
        datasets: its dataset versions that hold what is forgotten.
        models: those that were named, and what each was trained on.
        begun_at: when, ISO 8601 in UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    selection: str
    order: ForgetOrder
    is_own: bool
    sources: tuple[ForgottenSource, ...]
    manifest: str
    frames: int
    variants: int
    labels: tuple[LabelsBefore, ...]
    datasets: tuple[HeldDataset, ...]
    models: tuple[JudgedModel, ...]
    begun_at: str


def load_work(private: Path) -> ForgetWork | None:
    """Read the work of a run that was stopped, or None; raises ShardError if it is damaged."""
    path = private / FORGETTING_FILE
    try:
        return ForgetWork.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise ShardError(
            f"{path} is damaged, or of a newer raypp; restore it: it says what is half forgotten"
        ) from None


def keep_work(work: ForgetWork, private: Path) -> None:
    """Keep the work until it is done."""
    private_folder(private)
    write_private(private / FORGETTING_FILE, work.model_dump_json().encode())


def end_work(private: Path) -> None:
    """Remove the work, and what killed writers left beside it: both name what is forgotten."""
    (private / FORGETTING_FILE).unlink(missing_ok=True)
    for part in private.glob(f".*{PART_SUFFIX}"):
        part.unlink(missing_ok=True)
