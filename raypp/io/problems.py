"""All faults of a document that a person wrote: a sentence each, with the nearest known name."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from raypp.text.printable import printable

_LONGEST_VALUE, _LONGEST_LINE, _MOST = 60, 300, 20
_QUOTED = re.compile(r"'([^']+)'")
_REWORDED = (
    (re.compile(r"^Input should be a valid dictionary or (?:instance of .*|object to extract fields from)$"),
     "must map names to values"),
    (re.compile(r"^Input should be a valid tuple$"), "must be a list"),
    (re.compile(r"^Input should be "), "must be "),
    (re.compile(r"^(?:List|Tuple|Dictionary|String) should have (.*?)(?: after validation)?(, not .*)?$"),
     r"must have \1\2"),
    (re.compile(r"^Field required$"), "is missing"),
    (re.compile(r"^(?:Value|Assertion) error, "), ""),
)  # fmt: skip


def problems(
    error: ValidationError, model: type[BaseModel], document: object, *, values: bool = True
) -> tuple[str, ...]:
    """Say all that is wrong with a document, in its order.

    Args:
        error: what the model says of it.
        model: of the document.
        document: as it was read.
        values: whether to show what stands there; not where it may be a secret.

    Returns:
        Sentences such as "tools, 1st (hammer): max_gap is not known; did you mean max_gap_s?".
    """
    sentences: dict[tuple[object, ...], str] = {}
    faults = error.errors(include_url=False)
    for fault in faults:
        if fault["type"] == "too_short" and any(_is_within(other["loc"], fault["loc"]) for other in faults):
            continue  # of a tuple, items that have faults are not counted
        place = _place(fault["loc"], document, missing=fault["type"] == "missing")
        sentences.setdefault(place, _sentence(fault, place, model, document, values))  # of a union's ways, the first
    ordered = list(sentences.values())
    more = len(ordered) - _MOST
    return (*ordered[:_MOST], f"and {more} more") if more > 0 else tuple(ordered)


def joined(where: str, sentences: Iterable[str], remedy: str) -> str:
    """Put problems into one message: one behind its place, several a line each."""
    lines = list(sentences)
    if len(lines) == 1:
        return f"{where}: {lines[0]}; {remedy}"
    return "\n  ".join([f"{where}: {len(lines)} problems; {remedy}", *lines])


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a name was probably meant to be; None where none is near."""
    lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return lower[matches[0]] if matches else None


def ordinal(index: int) -> str:
    """Name a place in a list, counted from 0: 1st, 2nd, 3rd."""
    number = index + 1
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _is_within(loc: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def _place(loc: tuple[int | str, ...], document: object, *, missing: bool) -> tuple[int | str, ...]:
    """Return a fault's place without pydantic's names of the ways of a union, which are no part of the document.

    Only what is `missing` has a name that does not stand there.
    """
    place: list[int | str] = []
    at = document
    for number, part in enumerate(loc):
        lacks = missing and number == len(loc) - 1
        if isinstance(at, dict) and (part in at or lacks):
            at = at.get(part)
        elif isinstance(at, list) and isinstance(part, int) and part < len(at):
            at = at[part]
        else:
            continue
        place.append(part)
    return tuple(place)


def _sentence(fault: Any, place: tuple[int | str, ...], model: type[BaseModel], document: object, values: bool) -> str:
    named = bool(place) and isinstance(place[-1], str)
    parent, field = (place[:-1], str(place[-1])) if named else (place, "")
    unknown = fault["type"] == "extra_forbidden"
    words = _not_known(field, _fields(model, parent)) if unknown else _words(fault, values)
    before = _path(parent, document)
    sentence = " ".join(part for part in (field, words) if part)
    return printable(f"{before}: {sentence}" if before else sentence)[:_LONGEST_LINE]


def _not_known(field: str, known: list[str]) -> str:
    near = nearest(field, known)
    if near:
        return f"is not known; did you mean {near}?"
    return f"is not known; known: {', '.join(known)}" if known else "is not known"


def _words(fault: Any, values: bool) -> str:
    words = str(fault["msg"])
    for pattern, instead in _REWORDED:
        words, changed = pattern.subn(instead, words)
        if changed:
            break
    given = fault["input"]
    if not values or isinstance(given, dict | list | tuple | BaseModel) or fault["type"] == "missing":
        return words
    value = repr(given)
    shown = value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "..."
    near = None
    if fault["type"] in {"enum", "literal_error"} and isinstance(given, str):
        near = nearest(given, _QUOTED.findall(str(fault.get("ctx", {}).get("expected", ""))))
    return f"{words} (got {shown})" + (f"; did you mean {near}?" if near else "")


def _path(place: tuple[Any, ...], document: object) -> str:
    parts: list[str] = []
    at: Any = document
    for part in place:
        at = at.get(part) if isinstance(at, dict) else at[part] if isinstance(at, list) else None
        name = next((str(at[key]) for key in ("name", "class") if key in at), "") if isinstance(at, dict) else ""
        where = ordinal(part) if isinstance(part, int) else part
        parts.append(f"{where} ({name})" if name and isinstance(part, int) else where)
    return ", ".join(parts)


def _fields(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that a document may have at a place."""
    at: Any = model
    for part in place:
        at = _below(at, part)
    return [field.alias or name for below in _models(at) for name, field in below.model_fields.items()]


def _below(kind: Any, part: int | str) -> Any:
    """Return the type of what a type holds at a name or a number."""
    models = _models(kind)
    if models:
        fields = [item for model in models for item in model.model_fields.items()]
        return next((field.annotation for name, field in fields if part in {name, field.alias}), None)
    for way in _ways(kind):
        arguments = [argument for argument in get_args(way) if argument is not Ellipsis]
        if get_origin(way) is dict and len(arguments) > 1:
            return arguments[1]
        if get_origin(way) in {list, tuple} and arguments:
            return arguments[0]
    return None


def _models(kind: Any) -> list[type[BaseModel]]:
    return [way for way in _ways(kind) if isinstance(way, type) and issubclass(way, BaseModel)]


def _ways(kind: Any) -> list[Any]:
    """Return what a type may be, without annotations and unions around it."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _ways(get_args(kind)[0])
    if origin in {Union, UnionType}:
        return [way for argument in get_args(kind) for way in _ways(argument)]
    return [kind]
