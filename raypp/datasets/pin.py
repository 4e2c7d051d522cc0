"""A pin file: a dataset version by digest, to be kept beside the code that trains on it."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.datasets.version import DatasetVersion
from raypp.errors import ContentError, OptionError
from raypp.io.atomic import write_text
from raypp.io.content import read_content

_SUFFIX = ".json"
_MOST_BYTES = 100_000


class DatasetPin(BaseModel):
    """Content of a pin file; names no place, no class and no source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    version: str = Field(pattern="^[0-9a-f]{32}$", description="digest of manifest and labels together")
    manifest: str = Field(pattern="^[0-9a-f]{64}$", description="digest of the manifest")
    labels: str = Field(description="name of the label version")
    labels_digest: str = Field(pattern="^[0-9a-f]{64}$", description="digest of the labels")
    veil_id: str = Field(pattern="^[0-9a-f]{32}$", description="veil of the archive")


def write_pin(version: DatasetVersion, path: Path) -> DatasetPin:
    """Write a pin file, in the place of one that is there.

    Args:
        version: what it pins.
        path: ends in .json.

    Raises:
        OptionError: if it cannot be written, or has another ending.
    """
    if path.suffix != _SUFFIX:
        raise OptionError(f"`out` {path} is no name of a pin file; give one that ends in {_SUFFIX}")
    pin = DatasetPin(
        version=version.digest,
        manifest=version.manifest.digest,
        labels=version.labels.version,
        labels_digest=version.labels.digest,
        veil_id=version.manifest.header.veil_id,
    )
    try:
        write_text(path, pin.model_dump_json(indent=1) + "\n")
    except OSError as error:
        raise OptionError(f"`out` {path}: {error.strerror}; name a file you may write") from None
    return pin


def pinned_digest(named: str) -> str:
    """Return the digest in a pin file, where one is named; any other name as it is.

    Raises:
        OptionError: if the file cannot be read, or is no pin.
    """
    if not named.endswith(_SUFFIX):
        return named
    try:
        return DatasetPin.model_validate_json(read_content(Path(named), _MOST_BYTES)).version
    except ContentError as error:
        raise OptionError(f"pin file {named} {error}; make one with `raypp dataset pin`") from None
    except ValidationError:
        raise OptionError(f"{named} is no pin file, or was altered; make one with `raypp dataset pin`") from None
