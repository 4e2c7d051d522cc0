"""JSON that reads the same to every reader: what a signature is over."""

import base64
import json
from typing import Any


def to_canonical(value: object) -> bytes:
    """Return JSON with sorted keys and no spaces, in ASCII; raises ValueError for a number that is not finite."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def parse(text: bytes) -> Any:
    """Read JSON, laid out in any way, to what `to_canonical` can write.

    Raises:
        ValueError: if it is no JSON, names a field twice, or holds a number that is not finite.
    """
    try:
        value = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number)
        to_canonical(value)  # a number such as 1e999 is read as infinite
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def to_base64(data: bytes) -> str:
    """Return bytes as base64."""
    return base64.b64encode(data).decode()


def from_base64(text: object) -> bytes:
    """Return the bytes of a text that is exactly what `to_base64` writes; none for anything else."""
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except ValueError:
        return b""
    return data if to_base64(data) == text else b""


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that names a field twice says one thing to one reader and another to the next."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
