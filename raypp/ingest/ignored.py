"""Files that a job passes by, since they are neither video, image nor label: how many, and the first of them."""

from collections.abc import Sequence

from raypp.media.discovery import Discovery
from raypp.text.address import redacted
from raypp.text.printable import printable
from raypp.text.wording import counted

IGNORED_FILES = "number of files that are neither video, image nor label"
IGNORED = "the first 20 of them"
_KEPT, _NAMED = 20, 3


def named_ignored(discovery: Discovery) -> tuple[str, ...]:
    """Return the first few files that are passed by, without what is secret in their addresses."""
    return tuple(printable(redacted(url)) for url in discovery.ignored[:_KEPT])


def others_in_words(number: int, names: Sequence[str]) -> str:
    """Word how many files are passed by, and name the first, such as "1 other file (a/notes.docx)".

    Args:
        number: of them all.
        names: of some of them.
    """
    words = counted(number, "other file")
    if not names:
        return words
    more = f" and {number - _NAMED:,} more" if number > _NAMED else ""
    return f"{words} ({', '.join(names[:_NAMED])}{more})"
