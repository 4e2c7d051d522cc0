"""The header of a warm start: what it was fitted as. Read without torch, before any work."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open

from raypp.detect.architecture import Architecture
from raypp.errors import ModelError, OptionError
from raypp.fit.settings import WARM_START_FILE, FitSettings
from raypp.text.names import Names

HEADER_KEY = "raypp-warm-start"


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


def check_warm_start(settings: FitSettings) -> WarmStartHeader | None:
    """Return the header of the warm start that a fit is to begin from, if it is to.

    Raises:
        OptionError: if it does not go with the other settings.
        ModelError: if the file is none.
    """
    path = settings.warm_start
    if path is None:
        return None
    header = _read(path)
    for name in ("architecture", "patch", "channels", "bits"):
        given, own = getattr(settings, name), getattr(header, name)
        if given != own:
            raise OptionError(f"`{name}` {given} is not that of `warm_start` {path}; give {own}")
    return header


def unusable(path: Path, reason: str) -> ModelError:
    """Return the error for a file that no fit can start from."""
    return ModelError(f"warm start {path} cannot be used ({reason}); give the {WARM_START_FILE} of a fit")


def _read(path: Path) -> WarmStartHeader:
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
