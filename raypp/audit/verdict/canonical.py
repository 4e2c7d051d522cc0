"""JSON that reads the same to every reader: what a signature is over."""

import base64
import json


def to_canonical(value: object) -> bytes:
    """Return JSON with sorted keys and no spaces, in ASCII; raises ValueError for a number that is not finite."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


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
