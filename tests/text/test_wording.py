"""Numbers are told as people say them."""

import pytest

from raypp.text.wording import counted, lasting


def test_one_has_no_plural() -> None:
    assert [counted(number, "shard") for number in (0, 1, 2)] == ["0 shards", "1 shard", "2 shards"]
    assert [counted(2, "key"), counted(2, "entry"), counted(1200, "frame")] == ["2 keys", "2 entries", "1,200 frames"]
    assert [counted(1, "box"), counted(2, "box"), counted(2, "stretch")] == ["1 box", "2 boxes", "2 stretches"]


@pytest.mark.parametrize(("seconds", "words"), [(3, "3 s"), (89, "89 s"), (100, "2 min"), (7200, "2.0 hours")])
def test_a_length_of_time_has_a_unit_that_fits(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
