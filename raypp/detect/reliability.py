"""How far a checkpoint's detector is to be believed: a file beside its tensors, as its bundle will hold it."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from raypp.errors import ContentError, ModelError
from raypp.io.content import read_content
from raypp.usage.reliability import Reliabilities, Reliability, reliabilities_from, reliabilities_json

RELIABILITY_FILE = "reliability.json"
_MOST_BYTES = 1_000_000
_DIGITS = 4


def write_reliabilities(folder: Path, classes: tuple[str, ...], shares: Mapping[str, tuple[float, float]]) -> None:
    """Write what is known of each class into a checkpoint's folder.

    Args:
        folder: which is there.
        classes: the detector's, by class_id.
        shares: precision and recall of those that were labelled at all.
    """
    known = tuple(
        Reliability(*(round(share, _DIGITS) for share in shares[name])) if name in shares else None for name in classes
    )
    (folder / RELIABILITY_FILE).write_text(f"{reliabilities_json(known)}\n")


def read_reliabilities(folder: Path, classes: tuple[str, ...]) -> Reliabilities:
    """Read them; a checkpoint of an older raypp has none. Raises ModelError if the file is damaged."""
    path = folder / RELIABILITY_FILE
    if not path.exists():
        return ()
    try:
        known = reliabilities_from(read_content(path, _MOST_BYTES).decode())
    except (ContentError, UnicodeDecodeError, ValidationError):
        known = ()
    if len(known) != len(classes):
        raise ModelError(f"{path} is damaged or of another detector; delete it to go without, or train it again")
    return known
