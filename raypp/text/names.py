"""Names that others gave, such as those of classes: what may be shown on a terminal, a page and a chart."""

import re
import unicodedata
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

LONGEST_NAME = 100
MOST_NAMES = 2_000

_STREAM_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")
_UNSEEN = {"Cc", "Cs", "Cn", "Co", "Zl", "Zp"}
# They turn the text that follows around, so that one name looks like another.
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_name(name: str) -> str:
    """Return a name; raises ValueError unless it can be shown: short, and without control characters."""
    if not 1 <= len(name) <= LONGEST_NAME:
        raise ValueError(f"a name has 1 to {LONGEST_NAME} characters, not {len(name)}")
    if not all(map(_is_seen, name)):
        raise ValueError(f"{name!a} holds a character that cannot be shown")
    return name


def check_stream_name(name: str, what: str) -> None:
    """Raise ValueError unless a site's, camera's or view's name is 1 to 100 letters, digits, '.', '_', '-'."""
    if not _STREAM_NAME.fullmatch(name):
        shown = name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "..."
        raise ValueError(f"{what} {shown!r}: a name is 1 to 100 letters, digits, '.', '_' or '-'")


def check_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names; raises ValueError, naming the first that is wrong, unless they are few and can be shown."""
    if not 1 <= len(names) <= MOST_NAMES:
        raise ValueError(f"there must be 1 to {MOST_NAMES} names, not {len(names)}")
    for name in names:
        check_name(name)
    return names


def _is_seen(character: str) -> bool:
    return character not in _TURNING and unicodedata.category(character) not in _UNSEEN


Name: TypeAlias = Annotated[str, AfterValidator(check_name)]
Names: TypeAlias = Annotated[tuple[str, ...], AfterValidator(check_names)]
"""What a document of others may name things, such as classes."""
