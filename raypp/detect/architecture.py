"""Architectures: the names that are accepted, and what ultralytics says of them, read from inside its package.

ultralytics itself looks for a description of that name in the working folder first, and evaluates one of its fields as
Python. A name comes with every bundle, so neither may happen.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from raypp.errors import ContentError, ModelError
from raypp.io.content import read_content
from raypp.io.yaml import MOST_BYTES, read_yaml

PATTERN = r"^yolov?[0-9]{1,2}[a-z]u?$"
Architecture = Annotated[str, Field(pattern=PATTERN)]
"""Name of a detector: family and scale, such as "yolov8n" or "yolo11s"; `p` is the scale that raypp adds."""

_NAME = re.compile(r"(yolo(v?[0-9]{1,2}))([a-z])u?", re.ASCII)
_PICO, _SMALLEST = "p", "n"
_EVALUATED = "activation"


def describe(architecture: str) -> dict[str, Any]:
    """Return ultralytics' description of a detector, as it builds models from.

    Args:
        architecture: such as "yolov8n" or "yolo11s"; with "p" (pico) for its scale, such as "yolov8p", the smallest of
            a family at half its width.

    Raises:
        ModelError: if the installed ultralytics has no such detector, or its description holds what would be run.
    """
    named = _NAME.fullmatch(architecture)
    if named is None:
        raise unknown(architecture)
    family, version, scale = named.groups()
    folder = _package() / "cfg" / "models" / version
    asked = _SMALLEST if scale == _PICO else scale
    whole, scaled = folder / f"{family}{asked}.yaml", folder / f"{family}.yaml"
    described = _read(whole if whole.is_file() else scaled, architecture)
    scales = described.get("scales")
    if scales is not None and asked not in scales:
        raise unknown(architecture)
    described |= {"scale": asked if scales or not whole.is_file() else "", "yaml_file": f"{architecture}.yaml"}
    if scale == _PICO:
        if scales is None:
            raise unknown(architecture)
        depth, width, *rest = scales[_SMALLEST]
        scales[_PICO] = [depth, width / 2, *rest]
        described["scale"] = _PICO
    return described


def unknown(architecture: str) -> ModelError:
    """What to say of a name that is none of a detector's."""
    return ModelError(f"model {architecture[:100]!r} is unknown; give one such as yolov8n, yolo11n or yolo26n")


def _package() -> Path:
    found = find_spec("ultralytics")
    if found is None or not found.submodule_search_locations:
        raise ModelError("detectors need ultralytics; install raypp[cluster]")
    return Path(found.submodule_search_locations[0]).resolve()


def _read(path: Path, architecture: str) -> dict[str, Any]:
    try:
        described = read_yaml(read_content(path, MOST_BYTES))
    except ContentError:
        raise unknown(architecture) from None
    if not isinstance(described, dict):
        raise unknown(architecture)
    if _EVALUATED in described:
        raise ModelError(
            f"model {architecture}: its description has the field {_EVALUATED}, which ultralytics would run as Python; "
            "give one such as yolov8n, yolo11n or yolo26n"
        )
    return described
