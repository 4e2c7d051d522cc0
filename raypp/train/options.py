"""Checks of the options that training, fitting, comparing and auditing have in common."""

from collections.abc import Mapping
from pathlib import Path

from raypp.errors import OptionError

_CELL = 32
_LEAST_SIZE, _MOST_SIZE = 64, 4096


def check_counts(counts: Mapping[str, int]) -> None:
    """Raise OptionError for a number below 1; `counts` are by the names of their fields."""
    for name, value in counts.items():
        if value < 1:
            raise OptionError(f"`{name}` {value} must be at least 1")


def check_size(size: int) -> None:
    """Raise OptionError if frames of so many pixels a side fit no detector, or no machine."""
    if size % _CELL or not _LEAST_SIZE <= size <= _MOST_SIZE:
        raise OptionError(f"`size` {size} must be a multiple of {_CELL} from {_LEAST_SIZE} to {_MOST_SIZE}")


def check_weights(path: Path | None, or_else: str = "") -> None:
    """Raise OptionError, which says where public weights come from, if those that were asked for are not there.

    Args:
        path: the file that was given; None for nothing.
        or_else: what else may be given.
    """
    if path is not None and not path.is_file():
        raise OptionError(
            f"`weights` {path} is no file; give an ultralytics checkpoint such as yolov8n.pt (download it from "
            f"Ultralytics' assets releases, or let `YOLO('yolov8n.pt')` of ultralytics fetch it){or_else}"
        )
