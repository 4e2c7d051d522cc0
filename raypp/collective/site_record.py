"""What a site keeps beside its rounds: what it takes part in, and which sums it has helped to open."""

import fcntl
import operator
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.collective.privacy_options import PrivacyOptions
from raypp.errors import CollectiveError, ConflictError, ContentError
from raypp.io.atomic import write_bytes
from raypp.io.content import read_content
from raypp.io.private import private_folder

RECORD_FILE = "site.json"
_LOCK = ".lock"
_MOST_BYTES = 8_000_000


class TrainingRecord(BaseModel):
    """A site's record of a training.

    Attributes:
        plan: digest of the plan.
        name: the plan's name.
        site: name of the site.
        dataset: version of the data that it trains on.
        rounds: rounds of the plan.
        instance: number by which the coordinator tells this folder's program from others.
        opened: for each round whose sum it has helped to open: names of the sites in it.
        model: the bundle, once there is one.
        dp: differential privacy of the plan, if it has some.
        noised: rounds that were noised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: str
    name: str
    site: str
    dataset: str
    rounds: int
    instance: int = Field(default_factory=lambda: secrets.randbits(63))
    opened: dict[int, tuple[str, ...]] = Field(default_factory=dict)
    model: str | None = None
    dp: PrivacyOptions | None = Field(None, exclude_if=operator.not_)
    noised: int = Field(0, ge=0)

    def write(self, folder: Path) -> None:
        """Write the record, to the disk."""
        write_bytes(folder / RECORD_FILE, self.model_dump_json(indent=1).encode() + b"\n", private=True, durable=True)


def read_training_record(folder: Path) -> TrainingRecord:
    """Read the record in a site's folder; raises CollectiveError."""
    path = folder / RECORD_FILE
    try:
        return TrainingRecord.model_validate_json(read_content(path, _MOST_BYTES))
    except ContentError as error:
        raise CollectiveError(f"{path} {error}; restore it, or choose another `out`") from None
    except ValidationError:
        raise CollectiveError(f"{path} is damaged; restore it, or choose another `out`") from None


@contextmanager
def site_folder(folder: Path, wanted: TrainingRecord) -> Iterator[TrainingRecord]:
    """Begin or go on with a site's folder, which no other program uses within the block; gives its record.

    Raises:
        ConflictError: if another program uses it, or it holds another training.
    """
    private_folder(folder)
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"run {folder} is in use by another `raypp collective join`; stop that one") from None
        if not (folder / RECORD_FILE).exists():
            wanted.write(folder)
            yield wanted
            return
        record = read_training_record(folder)
        for what in ("plan", "site", "dataset"):
            if getattr(record, what) != getattr(wanted, what):
                raise ConflictError(
                    f"run {folder} is of {what} {getattr(record, what)[:12]}, not of {getattr(wanted, what)[:12]}; "
                    "choose another `out`"
                )
        yield record
