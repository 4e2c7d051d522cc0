"""All that is wrong with a document, in words that a person can act on."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raypp.io.problems import joined, nearest, ordinal, problems


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    size_px: Annotated[int, Field(ge=1)] = 1
    source: str | tuple[str, ...] = ""


class _Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    parts: tuple[_Part, ...] = ()
    named: dict[str, _Part] = {}
    lid: _Part | None = None
    bolts: Annotated[tuple[_Part, ...], Field(min_length=1)] = (_Part(name="bolt"),)


def _told(document: object, *, values: bool = True) -> tuple[str, ...]:
    with pytest.raises(ValidationError) as caught:
        _Whole.model_validate(document)
    return problems(caught.value, _Whole, document, values=values)


def test_every_problem_is_told_with_its_place_and_the_nearest_name() -> None:
    document = {
        "parts": [{"name": "a"}, {"name": "b", "size": 3}, {"size_px": 0}],
        "named": {"gate": {"name": "g", "sorce": "x"}},
        "lid": {"name": 5},
        "parst": [],
    }
    assert _told(document) == (
        "parts, 2nd (b): size is not known; did you mean size_px?",
        "parts, 3rd: name is missing",
        "parts, 3rd: size_px must be greater than or equal to 1 (got 0)",
        "named, gate: sorce is not known; did you mean source?",
        "lid: name must be a valid string (got 5)",
        "parst is not known; did you mean parts?",
    )


def test_a_value_that_fits_no_way_of_a_union_is_told_once_and_not_shown_where_it_may_be_a_secret() -> None:
    assert _told({"parts": [{"name": "a", "source": {"x": 1}}]}) == ("parts, 1st (a): source must be a valid string",)
    (shown,) = _told({"parts": [{"name": "a", "size_px": "rtsp://u:pw@x"}]})
    assert "rtsp://u:pw@x" in shown
    (hidden,) = _told({"parts": [{"name": "a", "size_px": "rtsp://u:pw@x"}]}, values=False)
    assert "pw" not in hidden


def test_a_list_whose_only_item_is_wrong_is_not_said_to_be_empty() -> None:
    assert _told({"bolts": [{"name": "a", "size_px": 0}]}) == (
        "bolts, 1st (a): size_px must be greater than or equal to 1 (got 0)",
    )
    assert _told({"bolts": []}) == ("bolts must have at least 1 item, not 0",)


def test_what_has_no_near_name_is_told_with_those_that_are_known() -> None:
    assert _told({"lid": {"name": "a", "q": 1}}) == ("lid: q is not known; known: name, size_px, source",)
    assert nearest("HAMER", ["saw", "hammer"]) == "hammer"
    assert nearest("q", ["saw", "hammer"]) is None


def test_a_document_that_is_none_and_many_problems_stay_short() -> None:
    assert _told([1]) == ("must map names to values",)
    sentences = _told({f"x{number}": 1 for number in range(50)})
    assert len(sentences) == 21
    assert sentences[-1] == "and 30 more"
    assert all("\n" not in line and len(line) <= 300 for line in _told({"x" * 5000: 1, "a\nb": 2}))


def test_several_problems_stand_a_line_each() -> None:
    assert joined("f", ["a is missing"], "see it") == "f: a is missing; see it"
    assert joined("f", ["a", "b"], "see it") == "f: 2 problems; see it\n  a\n  b"
    assert [ordinal(number) for number in (0, 1, 2, 3, 10, 11, 12, 20, 110)] == [
        *("1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "111th"),
    ]
