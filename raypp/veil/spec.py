"""The public description of a veil: everything about it but the key."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from raypp.errors import ContentError, SpecError
from raypp.io.content import read_content
from raypp.io.fault import first_fault

MOST_BYTES = 1 << 16
EXACT_LIMIT = 1 << 24
"""Integers below this are exact in float32, so a matrix product is too while every partial sum stays below."""


class _Spec(BaseModel):
    """Fields that all families of veils have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1
    patch: Literal[4, 8, 16] = Field(8, description="side of a patch and of a cell, in pixels")
    channels: Annotated[int, Field(ge=1, le=256)] = Field(16, description="code values per cell")
    bits: Annotated[int, Field(ge=1, le=4)] = Field(3, description="bits per code value")
    sub_keys: Annotated[int, Field(ge=1, le=64)] = Field(4, description="number K of sub-keys")

    @property
    def levels(self) -> int:
        """Number of distinct code values, 2**bits."""
        return 1 << self.bits

    def canonical(self) -> bytes:
        """Return the one byte string that stands for this spec: JSON with sorted keys and no spaces."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()


class PatchSpec(_Spec):
    """Public parameters of the patch veil, as JSON; together with a key they fix every byte of every code.

    The pipeline per p x p patch: `channels` keyed, zero-mean, band-limited integer projections; the square root
    of their magnitude; a keyed triangle fold (many amplitudes give one value); a second keyed mix of the
    folded values; keyed dither; quantisation to
    `bits` bits. See docs/reference/patch-veil.md.
    """

    family: Literal["patch"] = "patch"
    band_low: Annotated[int, Field(ge=1, le=30)] = Field(
        1, description="lowest spatial frequency kept, as u+v of the patch's cosine basis; 1 drops the mean"
    )
    band_high: Annotated[int, Field(ge=1, le=30)] = Field(
        4, description="highest luma frequency kept, as u+v; detail beyond it is lost"
    )
    chroma_high: Annotated[int, Field(ge=0, le=30)] = Field(
        1, description="highest chroma frequency kept, as u+v; 0 drops colour"
    )
    fold: Annotated[int, Field(ge=0, le=5)] = Field(
        1, description="how narrow the first fold is: its height is 2**(9-fold), typical amplitudes are 2**8"
    )
    mix: Annotated[int, Field(ge=1, le=256)] = Field(
        4, description="how many folded values enter each output of the second mix; 1 only permutes them"
    )
    dither: Annotated[int, Field(ge=0, le=8)] = Field(
        4, description="peak-to-peak dither in quarters of a quantisation step"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.band_low > self.band_high:
            raise ValueError(f"band_low {self.band_low} is above band_high {self.band_high}")
        top = 2 * (self.patch - 1)
        for name in ("band_high", "chroma_high"):
            if getattr(self, name) > top:
                raise ValueError(f"{name} {getattr(self, name)} is above {top}, the highest of a {self.patch} patch")
        if self.mix > self.channels:
            raise ValueError(f"mix {self.mix} is above channels {self.channels}")
        return self


class LearnedSpec(_Spec):
    """Public parameters of a learned veil, which `raypp fit` made; its encoder is a secret file beside the key.

    The pipeline: the encoder gives each cell `channels` values of `bits` bits; a keyed substitution, one for each
    sub-key, then renames channels and values. See docs/concepts/learned-veil.md.
    """

    family: Literal["learned"] = "learned"
    encoder: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] = Field(
        description="keyed digest of the encoder, which tells encoders apart and nothing about them"
    )


def _family(spec: Any) -> str:
    return str(spec.get("family", "patch") if isinstance(spec, dict) else getattr(spec, "family", "patch"))


VeilSpec: TypeAlias = Annotated[
    Annotated[PatchSpec, Tag("patch")] | Annotated[LearnedSpec, Tag("learned")], Discriminator(_family)
]
"""The public description of a veil of either family."""

_SPECS: TypeAdapter[VeilSpec] = TypeAdapter(VeilSpec)


def spec_of(document: dict[str, Any]) -> VeilSpec:
    """Return the spec that a dictionary holds; raises pydantic's ValidationError unless it is a valid one."""
    return _SPECS.validate_python(document)


def parse_spec(text: str | bytes, where: str) -> VeilSpec:
    """Read a spec from JSON text.

    Raises:
        SpecError: naming `where`, the field and the value, if the text is no valid spec.
    """
    try:
        return _SPECS.validate_json(text)
    except ValidationError as error:
        raise SpecError(
            f"{where}: {first_fault(error, tagged=True, value=True)}; "
            "correct the field, or run `raypp inspect --fields` for the ranges"
        ) from None


def load_spec(path: Path) -> VeilSpec:
    """Read a spec from a JSON file; raises SpecError if it cannot be read or is not valid."""
    try:
        text = read_content(path, MOST_BYTES)
    except ContentError as error:
        raise SpecError(f"spec file {path} {error}; give the path of a veil spec") from None
    return parse_spec(text, str(path))


def veil_id(spec: VeilSpec, public_key: bytes) -> str:
    """Name a veil: 128 bits of SHA-256 over the canonical spec and the key's public half, as 32 hex digits.

    Args:
        spec: the veil's spec.
        public_key: the key's raw Ed25519 public key, 32 bytes; it differs between keys and key epochs.
    """
    digest = hashlib.sha256(b"raypp veil id v1\0" + spec.canonical() + b"\0" + public_key)
    return digest.hexdigest()[:32]
