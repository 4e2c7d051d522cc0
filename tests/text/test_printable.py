"""Text of others is shown without what a terminal would act on."""

import copy

import pytest

from raypp.errors import OptionError
from raypp.text.printable import printable, printable_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a hammer", "a hammer"),
        ("Säge", "Säge"),
        ("c\ufeff", "c\\ufeff"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\u202eb", "a\\u202eb"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_cannot_be_seen_stands_as_its_escape(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable_lines(f"one\n{text}") == f"one\n{shown}"
    assert str(OptionError(f"camera {text}")) == f"camera {shown}"
    assert str(copy.copy(OptionError(f"camera {text}"))) == f"camera {shown}"
