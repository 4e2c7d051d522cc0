"""Certificates of version 1, read as ones of version 2."""

from typing import Any

_BODY = {"pictures": "images"}
_ROW = {"pictures": "images", "picture": "image"}


def upgraded(body: Any) -> Any:
    """Return a certificate of version 1 as one of version 2: the same figures under the names of today.

    Args:
        body: the certificate as JSON values; its signature was checked, its fields were not. Fields of neither
            version are left as they are.
    """
    body = _renamed(body, _BODY) | {"version": "raypp-audit-2"}
    if isinstance(rows := body.get("rows"), list):
        body["rows"] = [_renamed(row, _ROW) for row in rows]
    return body


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """Return an object with some of its fields under other names; anything else as it is."""
    return {names.get(name, name): one for name, one in value.items()} if isinstance(value, dict) else value
