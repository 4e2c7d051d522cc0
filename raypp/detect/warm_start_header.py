"""The header of a warm start: what it was fitted as. Read without torch, before any work."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open

from raypp.detect.architecture import Architecture
from raypp.detect.encoder_kind import EncoderKind
from raypp.errors import ModelError
from raypp.text.names import Names

WARM_START_FILE = "warm-start.safetensors"
"""What a fit publishes, in its folder."""
HEADER_KEY = "raypp-warm-start"
_LENGTH_BYTES = 8


class WarmStartHeader(BaseModel):
    """Settings that a warm start was fitted with; JSON in the metadata of its safetensors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    architecture: Architecture
    classes: Names
    patch: int = Field(ge=1, le=64)
    channels: int = Field(ge=1, le=4096)
    bits: int = Field(ge=1, le=8)
    size: int = Field(ge=1, description="side of the square that it was fitted on, in pixels")
    epochs: int = Field(ge=1, description="epochs that it was fitted for")
    encoder: EncoderKind = Field(EncoderKind.STAGES, description="what the encoder is built of")


def read_warm_start_header(path: Path) -> WarmStartHeader:
    """Read the header of a warm start.

    Raises:
        ModelError: if the file is none.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            stored: Any = (file.metadata() or {}).get(HEADER_KEY)
    except (SafetensorError, OSError) as error:
        raise unusable(path, getattr(error, "strerror", None) or "no safetensors file") from None
    if stored is None:
        raise unusable(path, "no fit wrote it")
    try:
        return WarmStartHeader.model_validate_json(stored)
    except ValidationError as error:
        fault = error.errors()[0]
        raise unusable(path, f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None


def is_warm_start(path: Path) -> bool:
    """Return whether a file is in the format of a warm start, and no checkpoint (.pt)."""
    with path.open("rb") as file:
        head = file.read(_LENGTH_BYTES + 1)
    return head[_LENGTH_BYTES:] == b"{"


def unusable(path: Path, reason: str) -> ModelError:
    """Return the error for a file that no fit can start from."""
    return ModelError(f"warm start {path} cannot be used ({reason}); give the {WARM_START_FILE} of a fit")
