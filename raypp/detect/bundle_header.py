"""What the header of a detector bundle says; read without torch, so that anybody can ask what a file is."""

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.errors import ModelError

FORMAT_VERSION = 1
HEADER_KEY, DIGEST_KEY = "raypp", "sha256"
SEALED_MAGIC = b"RAYPPBND"
LENGTH_BYTES = 8
_MOST_INDEX_BYTES = 100_000_000  # as safetensors has it
_MAKE_ONE = "make one with `raypp export`"


class BundleAbout(BaseModel):
    """What the detector belongs to: the checkpoint's `About`, of which this names what others ask for."""

    model_config = ConfigDict(frozen=True, extra="allow")

    architecture: str
    classes: tuple[str, ...]
    size: int
    veil_id: str
    spec: dict[str, Any]
    dataset_version: str
    labels_version: str


class BundleScores(BaseModel):
    """Scores of the detector on the val split, when its training reached this epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: float
    recall: float
    map50: float
    map50_95: float


class BundleHeader(BaseModel):
    """The header of a bundle, as JSON in the metadata of its safetensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[1] = 1
    about: BundleAbout
    precision: Literal["float32", "float16"] = Field(description="type that floating tensors are stored as")
    epochs: int = Field(description="epochs that it was trained for")
    scores: BundleScores | None = Field(description="None where the run does not tell")


class BundleIndex(NamedTuple):
    """The begin of a bundle: its header, the digest of header and tensors, and how many numbers the tensors hold."""

    header: BundleHeader
    header_json: str
    sha256: str
    values: int


def is_bundle(path: Path) -> bool:
    """Whether a file begins as a bundle, sealed or not, or as another safetensors file."""
    with path.open("rb") as file:
        head = file.read(LENGTH_BYTES + 1)
    return head.startswith(SEALED_MAGIC) or (
        int.from_bytes(head[:LENGTH_BYTES], "little") <= _MOST_INDEX_BYTES and head[LENGTH_BYTES:] == b"{"
    )


def is_sealed(path: Path) -> bool:
    """Whether a bundle is sealed under a passphrase."""
    with path.open("rb") as file:
        return file.read(len(SEALED_MAGIC)) == SEALED_MAGIC


def read_index(path: Path) -> BundleIndex:
    """Read the begin of a bundle that is not sealed, and no tensor; raises ModelError as `parse_index`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(LENGTH_BYTES)
        return parse_index(start + file.read(min(int.from_bytes(start, "little"), _MOST_INDEX_BYTES)), size, path)


def parse_index(begin: bytes, size: int, path: Path) -> BundleIndex:
    """Read the begin of a bundle.

    Args:
        begin: its first bytes: length and index, or more.
        size: bytes of the whole bundle.
        path: where it is, for messages.

    Raises:
        ModelError: if it is no bundle, cut short, damaged, or of a newer format.
    """
    length = int.from_bytes(begin[:LENGTH_BYTES], "little")
    if length > _MOST_INDEX_BYTES or begin[LENGTH_BYTES : LENGTH_BYTES + 1] != b"{":
        raise ModelError(f"{path} is no detector bundle of raypp; {_MAKE_ONE}")
    if size < LENGTH_BYTES + length:
        raise _cut_short(path)
    try:
        index = json.loads(begin[LENGTH_BYTES : LENGTH_BYTES + length])
        metadata = index.pop("__metadata__", {})
        values = [_values(tensor) for tensor in index.values()]
        end = max((tensor["data_offsets"][1] for tensor in index.values()), default=0)
        if HEADER_KEY not in metadata:
            raise ModelError(f"{path} holds tensors, but is no detector bundle of raypp; {_MAKE_ONE}")
        _check_version(json.loads(metadata[HEADER_KEY])["format_version"], path)
        header = BundleHeader.model_validate_json(metadata[HEADER_KEY])
        found = BundleIndex(header, metadata[HEADER_KEY], str(metadata[DIGEST_KEY]), sum(values))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, ValidationError):
        raise damaged(path) from None
    if size < LENGTH_BYTES + length + end:
        raise _cut_short(path)
    return found


def damaged(path: Path) -> ModelError:
    """What to say of a bundle that is not as it was written."""
    return ModelError(f"bundle {path} is damaged or was altered; copy it again, or {_MAKE_ONE}")


def _cut_short(path: Path) -> ModelError:
    return ModelError(f"bundle {path} is cut short; copy it again, or {_MAKE_ONE}")


def _check_version(version: int, path: Path) -> None:
    if version > FORMAT_VERSION:
        raise ModelError(
            f"bundle {path} has format version {version}, this raypp reads up to {FORMAT_VERSION}; install a newer one"
        )


def _values(tensor: dict[str, Any]) -> int:
    count = 1
    for side in tensor["shape"]:
        count *= int(side)
    return count
