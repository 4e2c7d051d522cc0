"""Inputs that are nearly right: bytes and documents with a few odd places, drawn from one number."""

import copy
import json
from random import Random
from typing import Any

_WORDS = [
    b"", b"\x00", b"\xff" * 8, b"\x00" * 64, b"[" * 300, b"{" * 300, b'{"a":' * 200, b"1e400", b"NaN", b"-1", b"\"",
    b",",
    b"&a [*a]", b"*a", b"!!python/name:os.getcwd", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b[31m", b"\r\n", b"\n---\n",
    b": ",
    b"99999999999999999999999", b"9223372036854775808", b"1" * 5000, b"../../etc/passwd", b"null", b"true", b"\\ud800",
    b"PAR1", b"RAYPPBND", b"raypp-encoder-1\n", b"- " * 200, b"? " * 200, b"<<: ", b"0x7fffffff", b"\xc2\x85",
]  # fmt: skip
_RAW = "\u0001raw:"
"""A string that begins so is written as it is, since Python cannot hold it as a value."""
_ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2, 7, 255, 256, 65536, 2**31, 2**53, 2**63, -(2**63), 10**19, 0.5, -0.0, 1e-300, 1e308,
    "", "x", "\x1b[2J", "a\nb", "\u202e", "[/red]", "x" * 300, "x" * 20_000, "../x", "/etc/passwd",
    "yolov8n.yaml", "1e9",
    [], {}, [[]], [None], {"": ""}, [0] * 500, ["x"] * 3000, {str(n): n for n in range(200)}, "😀", "\u0000",
    _RAW + "1e400", _RAW + "NaN", _RAW + "-Infinity", _RAW + "1" * 5000, _RAW + "[" * 2000 + "]" * 2000,
    _RAW + '"\\ud800"', _RAW + '{"a":1,"a":2}', _RAW + "01", _RAW + "",
]  # fmt: skip


def mutated(content: bytes, random: Random) -> bytes:
    """Change a few places of some bytes: flip, cut, repeat, move, or put something odd there."""
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 3, 6, 20])):
        place = random.randrange(len(changed) + 1)
        end = min(len(changed), place + random.choice([1, 2, 4, 8, 30, 300]))
        kind = random.randrange(7)
        if kind == 0 and place < len(changed):
            changed[place] ^= 1 << random.randrange(8)
        elif kind == 1:
            changed[place:end] = b""
        elif kind == 2:
            changed[place:place] = changed[place:end] * random.choice([1, 2, 50])
        elif kind == 3:
            changed[place:end] = random.choice(_WORDS)
        elif kind == 4:
            changed[place:place] = random.choice(_WORDS)
        elif kind == 5:
            changed[place:end] = random.randbytes(end - place)
        elif random.random() < 0.1:
            del changed[place:]
    return bytes(changed)


def altered(document: Any, random: Random) -> Any:
    """A copy of a document of dicts and lists with a few odd values, missing fields or new ones."""
    changed = copy.deepcopy(document)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        places = list(_places(changed))
        if not places:
            return _odd(random)
        holder, key = random.choice(places)
        kind = random.random()
        if kind < 0.1:
            del holder[key]
        elif kind < 0.2 and isinstance(holder, dict):
            holder[random.choice(["", "x", "version", "a\nb", "\x1b[0m", "[/red]"])] = _odd(random)
        elif kind < 0.3:
            holder[key] = [copy.deepcopy(holder[key]) for _ in range(random.choice([1, 2, 300]))]
        else:
            holder[key] = _odd(random)
    return changed


def written(document: Any, random: Random) -> bytes:
    """JSON of a document, with what Python cannot hold put in, laid out in some way."""
    text = json.dumps(document, indent=random.choice([None, 1]), ensure_ascii=random.random() < 0.5)
    while (start := text.find('"' + _RAW)) >= 0 or (start := text.find('"\\u0001raw:')) >= 0:
        end = start + 1
        while text[end] != '"':
            end += 2 if text[end] == "\\" else 1
        value = json.loads(text[start : end + 1])
        text = text[:start] + value.removeprefix(_RAW) + text[end + 1 :]
    return text.encode("utf-8", "replace")


def _odd(random: Random) -> Any:
    return copy.deepcopy(random.choice(_ODD))


def _places(value: Any) -> Any:
    if isinstance(value, dict | list):
        for key, below in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, key
            yield from _places(below)
