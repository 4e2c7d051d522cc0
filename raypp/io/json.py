"""The one reader of JSON that others wrote: bounded, and the same to every reader.

Python's own reader takes what is no JSON (NaN), reads 1e999 as infinite, keeps the last of two fields of one name, and
fails on deep documents by the depth of the caller's stack.
"""

import json
import math
import re
from typing import Any

from raypp.errors import ContentError
from raypp.io.content import to_text

MOST_BYTES = 8_000_000
MOST_VALUES = 500_000
MOST_DEPTH = 64
_MOST_DIGITS = 20

# Strings are passed by whole, also one that never ends, so that what stands in them is not counted.
_MARKS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]|,', re.DOTALL)
_DEEPER = {"[": 1, "{": 1, "]": -1, "}": -1}


def read_json(content: str | bytes, *, most_bytes: int = MOST_BYTES) -> Any:
    """Read one JSON document into dicts, lists, strings, finite numbers, booleans and None.

    Args:
        content: the document; bytes are UTF-8.
        most_bytes: characters that it may have.

    Raises:
        ContentError: if it is too long, too deep, holds too many values, is no JSON, names a field twice, or holds a
            number that is not finite or of more than 20 digits, or text that is no Unicode; the text says what, for the
            file's name to be put before it.
    """
    if len(content) > most_bytes:
        raise ContentError(f"is longer than {most_bytes:,} characters")
    text = to_text(content) if isinstance(content, bytes) else content
    _check_bounds(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_without_twins,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        # Half a surrogate pair is text that nobody can print.
        json.dumps(value, ensure_ascii=False).encode()
    except ContentError:
        raise
    except UnicodeEncodeError:
        raise ContentError("is no JSON: it holds text that is no Unicode") from None
    except (ValueError, RecursionError) as error:
        raise ContentError(f"is no JSON: {str(error).splitlines()[0]}") from None
    return value


def _check_bounds(text: str) -> None:
    depth, values = 0, 1
    for mark in _MARKS.finditer(text):
        character = text[mark.start()]
        if character == '"':
            continue
        values += 1
        depth += _DEEPER.get(character, 0)
        if depth > MOST_DEPTH:
            raise ContentError(f"is nested deeper than {MOST_DEPTH} levels")
        if values > MOST_VALUES:
            raise ContentError(f"holds more than {MOST_VALUES:,} values")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that names a field twice says one thing to one reader and another to the next."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ContentError("is no JSON: it names a field twice")
    return fields


def _no_constant(text: str) -> float:
    raise ContentError(f"is no JSON: it holds {text}")


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS:
        raise ContentError(f"holds a whole number of more than {_MOST_DIGITS} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ContentError("holds a number that is not finite")
    return number
