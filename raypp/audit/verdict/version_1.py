"""Certificates of version 1, read as ones of version 2."""

from typing import Any

_CERTIFICATE = {"pictures": "images"}
_ROW = {"pictures": "images", "picture": "image", "veiling": "target"}
_GATE = {"bar": "threshold"}
_ADVERSARIES = {
    "outsider": "ciphertext-only adversary",
    "ML team": "insider",
    "holder of pairs": "known-plaintext adversary",
    "holder of the key": "white-box adversary",
}
_KINDS = {"rebuild": "reconstruct"}
_GATES = {
    "leakage to an ML team, mean": "leakage to an insider, mean",
    "leakage to an ML team, worst 5 %": "leakage to an insider, worst 5 %",
    "faces found by an ML team": "faces found by an insider",
    "face verification by an ML team": "face verification by an insider",
    "text read by an ML team": "text read by an insider",
}


def upgraded(body: Any) -> Any:
    """Return a certificate of version 1 as one of version 2: the same figures under the names of today.

    Args:
        body: the certificate as JSON values; its signature was checked, its fields were not. Fields of neither
            version are left as they are.
    """
    body = _renamed(body, _CERTIFICATE) | {"version": "raypp-audit-2"}
    for field, upgrade in (("rows", _row), ("gates", _gate)):
        if isinstance(found := body.get(field), list):
            body[field] = [upgrade(value) if isinstance(value, dict) else value for value in found]
    return body


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return _called(_renamed(row, _ROW), adversary=_ADVERSARIES, kind=_KINDS)


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    return _called(_renamed(gate, _GATE), adversary=_ADVERSARIES, name=_GATES)


def _renamed(value: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    """Return an object with some of its fields under other names."""
    return {fields.get(field, field): one for field, one in value.items()}


def _called(value: dict[str, Any], **names: dict[str, str]) -> dict[str, Any]:
    """Return an object in some of whose fields names of version 1 are those of version 2."""
    known = {field: value[field] for field in names if isinstance(value.get(field), str)}
    return value | {field: names[field].get(name, name) for field, name in known.items()}
