"""The one reader of JSON that others wrote."""

import pytest

from raypp.errors import ContentError
from raypp.io.json import MOST_DEPTH, MOST_VALUES, read_json


def test_a_document_is_read_as_it_stands() -> None:
    text = '{"a": [1, 2.5, -1e3, "x, ]}{[ \\"", null, true], "b": {"\\ud83d\\ude00": ""}}'
    assert read_json(text) == {"a": [1, 2.5, -1000.0, 'x, ]}{[ "', None, True], "b": {"😀": ""}}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, f"nested deeper than {MOST_DEPTH}"),
        ('{"a":' * 100_000, f"nested deeper than {MOST_DEPTH}"),
        ("[" + "[]," * MOST_VALUES + "[]]", "more than"),
        ('{"a": 1, "a": 1}', "a field twice"),
        ("NaN", "NaN"),
        ("[-Infinity]", "-Infinity"),
        ("1e400", "not finite"),
        ('"\\ud800"', "no Unicode"),
        ("1" * 5000, "more than 20 digits"),
        ('"' + "[" * 1000, "is no JSON"),
        ('"\\', "is no JSON"),
        ("", "is no JSON"),
        (b"\xff", "no UTF-8"),
        (b"x" * 9_000_000, "longer"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str | bytes, reason: str) -> None:
    with pytest.raises(ContentError, match=reason) as refused:
        read_json(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_brackets_within_strings_are_no_depth() -> None:
    assert read_json('["' + "[" * 1000 + '\\"]"]') == ["[" * 1000 + '"]']
