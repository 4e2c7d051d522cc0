"""The one reader of YAML: what people mean, and bounds that a small file cannot get around."""

from time import perf_counter

import pytest

from raypp.errors import ContentError
from raypp.io.yaml import MOST_BYTES, MOST_DEPTH, MOST_VALUES, read_yaml


def test_plain_values_are_of_the_types_that_people_mean() -> None:
    text = "a: no\nb: 012\nc: 22:00\nd: 1.5\ne: [true, ~, 2026-01-01]\n"
    assert read_yaml(text) == {"a": "no", "b": 12, "c": "22:00", "d": 1.5, "e": [True, None, "2026-01-01"]}


def test_values_as_written_are_text_keys_too() -> None:
    assert read_yaml("007: [on, 012, 1.0, 12:30, null]", as_written=True) == {
        "007": ["on", "012", "1.0", "12:30", "null"]
    }


def test_anchors_and_merged_mappings_are_read() -> None:
    text = "base: &base {x: 1, y: 2}\none: {<<: *base, y: 3}\ntwo: *base\n"
    assert read_yaml(text) == {"base": {"x": 1, "y": 2}, "one": {"x": 1, "y": 3}, "two": {"x": 1, "y": 2}}


def test_a_byte_order_mark_is_passed_by() -> None:
    assert read_yaml(b"\xef\xbb\xbfa: 1") == {"a": 1}


@pytest.mark.parametrize("as_written", [False, True])
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: " + "[" * 100_000, f"nested deeper than {MOST_DEPTH}"),
        ("- " * 50_000, f"nested deeper than {MOST_DEPTH}"),
        ("? " * 50_000, f"nested deeper than {MOST_DEPTH}"),
        ("[" + "0," * (MOST_VALUES + 1) + "]", f"more than {MOST_VALUES:,} values"),
        ("a" * (MOST_BYTES + 1), f"longer than {MOST_BYTES:,}"),
        ("&a [*a]", "stands for itself"),
        ("&a {b: *a}", "stands for itself"),
        ("a: 1\na: 2", "'a' stands twice"),
        ("a: [", "is no YAML"),
        ("a: !!python/tuple [1]", "tag"),
        ("a: !!binary x", "tag"),
        ("a: !!timestamp x", "tag"),
        ("? [1]\n: 2", "unhashable"),
        ("--- 1\n--- 2", "single document"),
        (b"\xff\xfe\x00", "no UTF-8"),
        ("a: \x07", "is no YAML"),
        ("a: \ud800", "is no YAML"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str | bytes, reason: str, *, as_written: bool) -> None:
    with pytest.raises(ContentError, match=reason) as refused:
        read_yaml(text, as_written=as_written)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(ContentError, match="4300 digits"):
        read_yaml("a: " + "1" * 5000)


def test_aliases_count_as_what_they_stand_for() -> None:
    levels = [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)]
    began = perf_counter()
    with pytest.raises(ContentError, match="more than"):
        read_yaml("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(levels))
    assert perf_counter() - began < 1


def test_merged_mappings_count_as_what_they_stand_for() -> None:
    levels = [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 9)]
    with pytest.raises(ContentError, match="more than"):
        read_yaml("a0: &a0 {x: 1}\n" + "".join(levels))
