"""Lists of offenders that are known and let pass: they may only shrink."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "allowed"


@dataclass(frozen=True, order=True)
class Offence:
    """One thing that a check found.

    Attributes:
        key: what it is known by in an allow-list, without a line number: it stays while code moves.
        message: one line for the reader.
    """

    key: str
    message: str


def read(name: str) -> list[str]:
    """Read the keys that a check lets pass, in the order of its file; none where it has no file."""
    path = FOLDER / f"{name}.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def judge(name: str, offences: Iterable[Offence], allowed: Iterable[str]) -> list[str]:
    """Return a line for each offence that is not let pass, and for each key that lets nothing pass any more."""
    known, seen = set(allowed), {offence.key for offence in offences}
    new = [offence.message for offence in sorted(set(offences)) if offence.key not in known]
    gone = [
        f"tools/allowed/{name}.txt: {key}: no longer needed; run `python -m tools --shrink`"
        for key in sorted(known - seen)
    ]
    return new + gone


def shrink(name: str, offences: Iterable[Offence]) -> int:
    """Take the keys out of a list that let nothing pass any more; returns how many."""
    path = FOLDER / f"{name}.txt"
    if not path.exists():
        return 0
    seen = {offence.key for offence in offences}
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if line.startswith("#") or not line.strip() or line.strip() in seen]
    path.write_text("".join(kept))
    return len(lines) - len(kept)
