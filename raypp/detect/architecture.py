"""Architectures: the names that are accepted, and how they are described, read from inside the packages that know them.

ultralytics itself looks for a description of that name in the working folder first, and evaluates one of its fields as
Python. A name comes with every bundle, so neither may happen. YOLOv7 is not ultralytics': libreyolo describes it.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from raypp.errors import ContentError, ModelError
from raypp.io.content import read_content
from raypp.io.yaml import MOST_BYTES, read_yaml

PATTERN = r"^(yolov?[0-9]{1,2}[a-z]u?|yolov7)$"
Architecture = Annotated[str, Field(pattern=PATTERN)]
"""Name of a detector: family and scale, such as "yolov8n" or "yolo11s"; `p` is the scale that raypp adds.

YOLOv7 has one scale, which has no letter.
"""

_NAME = re.compile(r"(yolo(v?[0-9]{1,2}))([a-z])u?", re.ASCII)
_PICO, _SMALLEST = "p", "n"
_EVALUATED = "activation"
_V7, _V7_PICO_WIDTH = "yolov7", 0.125


def describe_architecture(architecture: str) -> dict[str, Any]:
    """Return the description that a detector is built from: ultralytics', or of YOLOv7 libreyolo's.

    Args:
        architecture: such as "yolov8n" or "yolo11s"; with "p" (pico) for its scale, such as "yolov8p", the smallest of
            a family at half its width; "yolov7" or "yolov7p", at an eighth of its width.

    Raises:
        ModelError: if the installed packages have no such detector, or its description holds what would be run.
    """
    if is_yolov7(architecture):
        return _describe_yolov7(architecture)
    named = _NAME.fullmatch(architecture)
    if named is None:
        raise unknown_architecture(architecture)
    family, version, scale = named.groups()
    folder = _package("ultralytics", "detectors need ultralytics; install raypp[cluster]") / "cfg" / "models" / version
    known_scale = _SMALLEST if scale == _PICO else scale
    whole, scaled = folder / f"{family}{known_scale}.yaml", folder / f"{family}.yaml"
    described = _read(whole if whole.is_file() else scaled, architecture)
    scales = described.get("scales")
    if scales is not None and known_scale not in scales:
        raise unknown_architecture(architecture)
    described |= {"scale": known_scale if scales or not whole.is_file() else "", "yaml_file": f"{architecture}.yaml"}
    if scale == _PICO:
        if scales is None:
            raise unknown_architecture(architecture)
        depth, width, *rest = scales[_SMALLEST]
        scales[_PICO] = [depth, width / 2, *rest]
        described["scale"] = _PICO
    return described


def is_yolov7(architecture: str) -> bool:
    """Whether a detector is of the family that libreyolo has, and ultralytics has not."""
    return architecture in (_V7, _V7 + _PICO)


def unknown_architecture(architecture: str) -> ModelError:
    """Return the error for a name that is none of a detector's."""
    return ModelError(f"model {architecture[:100]!r} is unknown; give one such as yolov8n, yolo11n, yolo26n or yolov7")


def _describe_yolov7(architecture: str) -> dict[str, Any]:
    folder = _package("libreyolo", f"model {architecture} needs libreyolo; install raypp[yolov7]")
    width = 1 if architecture == _V7 else _V7_PICO_WIDTH
    return _read(folder / "models" / "yolo7" / "v7.yaml", architecture) | {"width": width}


def _package(name: str, missing: str) -> Path:
    package = find_spec(name)
    if package is None or not package.submodule_search_locations:
        raise ModelError(missing)
    return Path(package.submodule_search_locations[0]).resolve()


def _read(path: Path, architecture: str) -> dict[str, Any]:
    try:
        described = read_yaml(read_content(path, MOST_BYTES))
    except ContentError:
        raise unknown_architecture(architecture) from None
    if not isinstance(described, dict):
        raise unknown_architecture(architecture)
    if _EVALUATED in described:
        raise ModelError(
            f"model {architecture}: its description has the field {_EVALUATED}, which ultralytics would run as Python; "
            "give one such as yolov8n, yolo11n, yolo26n or yolov7"
        )
    return described
