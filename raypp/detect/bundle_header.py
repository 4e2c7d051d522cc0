"""The header of a detector bundle; read without torch, so that any machine can tell what a file is."""

import operator
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from raypp.detect.architecture import Architecture
from raypp.detect.count_calibration import CountCalibration
from raypp.detect.privacy import PrivacyStatement
from raypp.detect.provenance import Provenance
from raypp.errors import ContentError, ModelError
from raypp.io.fault import first_fault
from raypp.io.json import read_json
from raypp.text.names import Name, Names
from raypp.usage.reliability import Reliabilities

FORMAT_VERSION = 5
_WITH_RELIABILITIES, _WITH_PROVENANCE, WITH_COUNTING, WITH_PRIVACY = 2, 3, 4, 5
HEADER_KEY, DIGEST_KEY = "raypp", "sha256"
SEALED_MAGIC = b"RAYPPBND"
LENGTH_BYTES = 8
_MOST_INDEX_BYTES, _MOST_BYTES = 8_000_000, 1 << 40
_MOST_DIMENSIONS = 8
_MAKE_ONE = "make one with `raypp export`"


class BundleModelInfo(BaseModel):
    """The checkpoint's `ModelInfo`, of which this names what others ask for."""

    model_config = ConfigDict(frozen=True, extra="allow")

    architecture: Architecture
    classes: Names
    size: int
    veil_id: Name
    spec: dict[str, Any]
    dataset_version: Name
    labels_version: Name


class BundleScores(BaseModel):
    """Scores of the detector on the val split, when its training reached this epoch."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    precision: float
    recall: float
    map50: float
    map50_95: float


class BundleHeader(BaseModel):
    """The header of a bundle, as JSON in the metadata of its safetensors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    format_version: Literal[1, 2, 3, 4, 5] = Field(
        1,
        description="5 where its training was private, else 4 where it counts, else 3 where it has provenance, else 2 "
        "where it has reliabilities, else 1",
    )
    info: BundleModelInfo = Field(alias="about", description="what the detector belongs to; `about` in stored files")
    precision: Literal["float32", "float16"] = Field(description="type that floating tensors are stored as")
    epochs: int = Field(ge=0, le=1_000_000_000, description="epochs that it was trained for")
    scores: BundleScores | None = Field(description="None where the run does not tell")
    reliabilities: Reliabilities = Field(
        (),
        exclude_if=operator.not_,
        description="precision and recall of each class on the val split; empty where the run does not tell",
    )

    provenance: Provenance | None = Field(
        None, exclude_if=operator.not_, description="where it comes from; none where the run does not tell"
    )
    counting: CountCalibration | None = Field(
        None, exclude_if=operator.not_, description="how it counts; none where it was not calibrated"
    )
    privacy: PrivacyStatement | None = Field(
        None, exclude_if=operator.not_, description="what is promised of its weights; none without differential privacy"
    )

    @model_validator(mode="after")
    def _fits_classes(self) -> Self:
        classes = len(self.info.classes)
        if self.reliabilities and len(self.reliabilities) != classes:
            raise ValueError(f"{len(self.reliabilities)} reliabilities for {classes} classes")
        if (self.privacy is not None) != (self.format_version == WITH_PRIVACY):
            goes = "with" if self.privacy is None else "without"
            raise ValueError(f"version {self.format_version} goes {goes} privacy")
        if self.privacy is None and (self.counting is not None) != (self.format_version == WITH_COUNTING):
            goes = "with" if self.counting is None else "without"
            raise ValueError(f"version {self.format_version} goes {goes} counting")
        if self.counting is not None and len(self.counting.classes) != classes:
            raise ValueError(f"counting of {len(self.counting.classes)} classes for {classes}")
        if self.counting is not None or self.privacy is not None:
            return self
        if (self.provenance is not None) != (self.format_version == _WITH_PROVENANCE):
            goes = "with" if self.provenance is None else "without"
            raise ValueError(f"version {self.format_version} goes {goes} provenance")
        has_own_version = self.provenance is None
        if has_own_version and bool(self.reliabilities) != (self.format_version == _WITH_RELIABILITIES):
            goes = "without" if self.reliabilities else "with"
            raise ValueError(f"version {self.format_version} goes {goes} reliabilities")
        return self


class _Tensor(BaseModel):
    """The entry of one tensor in the index of a safetensors file."""

    model_config = ConfigDict(frozen=True, strict=True)

    shape: list[Annotated[int, Field(ge=0, le=_MOST_BYTES)]] = Field(max_length=_MOST_DIMENSIONS)
    data_offsets: Annotated[list[Annotated[int, Field(ge=0, le=_MOST_BYTES)]], Field(min_length=2, max_length=2)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.values > max(0, self.data_offsets[1] - self.data_offsets[0]):
            raise ValueError("more values than bytes")
        return self

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


_METADATA: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str], config=ConfigDict(strict=True))
_TENSORS: TypeAdapter[dict[str, _Tensor]] = TypeAdapter(dict[str, _Tensor])


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
        index = read_json(begin[LENGTH_BYTES : LENGTH_BYTES + length])
        metadata = _METADATA.validate_python(index.pop("__metadata__", {}))
        tensors = _TENSORS.validate_python(index)
        if HEADER_KEY not in metadata:
            raise ModelError(f"{path} holds tensors, but is no detector bundle of raypp; {_MAKE_ONE}")
        sha256 = metadata[DIGEST_KEY]
        _check_version(read_json(metadata[HEADER_KEY]), path)
    except (ContentError, KeyError, ValidationError):
        raise damaged_bundle(path) from None
    try:
        header = BundleHeader.model_validate_json(metadata[HEADER_KEY])
    except ValidationError as error:
        raise ModelError(
            f"bundle {path}: {first_fault(error)}; it was altered, or is of another raypp: {_MAKE_ONE}"
        ) from None
    if size < LENGTH_BYTES + length + max((tensor.data_offsets[1] for tensor in tensors.values()), default=0):
        raise _cut_short(path)
    return BundleIndex(header, metadata[HEADER_KEY], sha256, sum(tensor.values for tensor in tensors.values()))


def damaged_bundle(path: Path) -> ModelError:
    """Return the error for a bundle that is not as it was written."""
    return ModelError(f"bundle {path} is damaged or was altered; copy it again, or {_MAKE_ONE}")


def _cut_short(path: Path) -> ModelError:
    return ModelError(f"bundle {path} is cut short; copy it again, or {_MAKE_ONE}")


def _check_version(header: Any, path: Path) -> None:
    version = header.get("format_version") if isinstance(header, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"bundle {path} has format version {version}, this raypp reads up to {FORMAT_VERSION}; install a newer one"
        )
