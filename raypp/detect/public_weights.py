"""Public weights as a user names them: an ultralytics checkpoint that he has fetched."""

from pathlib import Path

from raypp.errors import OptionError


def check_weights(path: Path | None, or_else: str = "") -> None:
    """Raise OptionError, which says where public weights come from, if those that were asked for are not there.

    Args:
        path: what was given as `--weights`; None for nothing.
        or_else: what else may be given.
    """
    if path is not None and not path.is_file():
        raise OptionError(
            f"--weights {path} is no file; give an ultralytics checkpoint such as yolov8n.pt (download it from "
            f"Ultralytics' assets releases, or let `YOLO('yolov8n.pt')` of ultralytics fetch it){or_else}"
        )
