"""Certificates of version 1, read as ones of version 2."""

import re
from typing import Any

from raypp.audit.core.attack_id import AttackId

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
_OF_KIND = {
    "reconstruct": {"detail", "edges", "psnr_db", "ssim", "blind_psnr_db", "recognised", "image", "other_keys"},
    "match": {"top1", "candidates", "other_keys"},
    "decide": {"auc"},
}
_FIGURES = set().union(*_OF_KIND.values())
_FAMILIES = {"the picture itself": "the image itself"}
_NAME = re.compile(
    r"(?P<family>.*?)(, (?P<pairs>[1-9]\d{0,8}) pairs?( of another key, (?P<alignment>[a-z ]+))?)?"
    r"(, (?P<drawn_keys>[1-9]\d{0,8}) drawn)?"
    r"(, (?P<merge>mean|votes) of (?P<frames>[1-9]\d{0,8}) frames)?(, under (?P<keys>[1-9]\d{0,8}) keys)?"
)
"""An attack's name, which was all that version 1 held of its identity."""
_LONGEST = 200
_NUMBERS = {"pairs", "drawn_keys", "frames", "keys"}
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
        if isinstance(values := body.get(field), list):
            body[field] = [upgrade(value) if isinstance(value, dict) else value for value in values]
    return body


def _row(row: dict[str, Any]) -> dict[str, Any]:
    row = _called(_renamed(row, _ROW), adversary=_ADVERSARIES, kind=_KINDS)
    if isinstance(name := row.get("attack"), str):
        row["attack"] = attack_id(name).model_dump(mode="json")
    other = _FIGURES - _OF_KIND.get(str(row.get("kind")), _FIGURES)
    row = _without(row, other)
    if isinstance(keys := row.get("other_keys"), list):
        row["other_keys"] = [_without(figures, other) if isinstance(figures, dict) else figures for figures in keys]
    return row


def attack_id(name: str) -> AttackId:
    """Return the identity of an attack that version 1 named; of a name of another form, the name as its family."""
    match = _NAME.fullmatch(name) if len(name) <= _LONGEST else None
    parts = {part: value for part, value in match.groupdict().items() if value} if match else {}
    family, _, variant = parts.pop("family", name).partition(", ")
    values = {part: int(value) if part in _NUMBERS else value for part, value in parts.items()}
    known = AttackId.model_validate(values | {"family": _FAMILIES.get(family, family), "variant": variant})
    return known if known.family != family or known.name == name else AttackId(family=name)


def _gate(gate: dict[str, Any]) -> dict[str, Any]:
    gate = _called(_renamed(gate, _GATE), adversary=_ADVERSARIES, name=_GATES)
    if gate.get("by") and isinstance(by := gate["by"], str):
        gate["by"] = attack_id(by).name
    return gate


def _without(value: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    """Return an object without figures of another kind; one that stands there all the same is left, and refused."""
    return {field: held for field, held in value.items() if field not in fields or held not in (None, [])}


def _renamed(value: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    """Return an object with some of its fields under other names."""
    return {fields.get(field, field): held for field, held in value.items()}


def _called(value: dict[str, Any], **names: dict[str, str]) -> dict[str, Any]:
    """Return an object in some of whose fields names of version 1 are those of version 2."""
    known = {field: value[field] for field in names if isinstance(value.get(field), str)}
    return value | {field: names[field].get(name, name) for field, name in known.items()}
