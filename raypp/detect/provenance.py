"""Where a detector comes from: data by digest, code, and the weights that its training started from."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.errors import ContentError, ModelError
from raypp.io.atomic import write_text
from raypp.io.content import read_content
from raypp.text.names import Name

PROVENANCE_FILE = "provenance.json"
_MOST_BYTES = 1_000_000
_DIGEST = "^[0-9a-f]{64}$"


class WeightsFile(BaseModel):
    """Weights that a training started from."""

    model_config = ConfigDict(frozen=True)

    name: Name = Field(description="of the file, without its folder")
    sha256: str = Field(pattern=_DIGEST, description="of its bytes")


class Provenance(BaseModel):
    """Origin of a detector; names no place and no source, and no time: the same training has the same."""

    model_config = ConfigDict(frozen=True)

    manifest: str = Field(pattern=_DIGEST, description="digest of the archive's manifest")
    labels_digest: str = Field(pattern=_DIGEST, description="digest of the labels")
    tag: Name | None = Field(None, description="tag by which the dataset version was named")
    code: tuple[Name, ...] = Field(description="versions of raypp that trained, each with a digest of its source")
    initial_weights: WeightsFile | None = Field(None, description="none where weights were random")


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Write it into a folder that is there; raises OSError."""
    write_text(folder / PROVENANCE_FILE, provenance.model_dump_json(indent=1) + "\n")


def read_provenance(folder: Path) -> Provenance | None:
    """Read what a run or a detector's folder notes; None in those of an older raypp. Raises ModelError if damaged."""
    path = folder / PROVENANCE_FILE
    if not path.exists():
        return None
    try:
        return Provenance.model_validate_json(read_content(path, _MOST_BYTES))
    except (ContentError, ValidationError):
        raise ModelError(
            f"{path} is damaged; remove it, and nothing is known of where the detector comes from"
        ) from None
