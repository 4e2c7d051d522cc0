"""Names that others gave: few, short, and such as can be shown."""

import pytest

from raypp.text.names import MOST_NAMES, check_name, check_names
from raypp.text.printable import printable


@pytest.mark.parametrize(
    "name", ["saw", "Säge", "锯", "می\u200cخواهم", "👩\u200d🔧", "[/red]", "=1+1|x", "a b", "x" * 100]
)
def test_a_name_that_can_be_shown_is_taken_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "x" * 101, "a\nb", "\x1b[2J", "\x7f", "\x85", "a\u202eb", "\ud800", "\u2028", "\x00"]
)
def test_a_name_that_cannot_be_shown_is_refused_without_showing_it(name: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_name(name)
    assert str(refused.value).isprintable()


def test_names_are_few() -> None:
    assert len(check_names(tuple(map(str, range(MOST_NAMES))))) == MOST_NAMES
    for count in (0, MOST_NAMES + 1):
        with pytest.raises(ValueError, match=str(count)):
            check_names(("x",) * count)


def test_what_is_printed_moves_no_cursor() -> None:
    assert printable("a\x1b[2J\u202eb\n") == "a\\x1b[2J\\u202eb\\n"
