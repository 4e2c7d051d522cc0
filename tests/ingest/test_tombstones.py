"""Spans of forgotten frames, as a plan writes them."""

import pytest

from raypp.ingest.tombstones import ForgottenSpan, read_spans, spans_word


def test_what_is_forgotten_day_by_day_is_one_span():
    days = [ForgottenSpan(to_us=day * 86_400_000_000) for day in range(1, 400)]
    assert read_spans(spans_word(days)) == (days[-1],)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (ForgottenSpan(), ForgottenSpan(camera="gate.left", from_us=3, to_us=5)),
        (ForgottenSpan(from_us=2, to_us=6), ForgottenSpan(from_us=2, to_us=5)),
        (ForgottenSpan(to_us=5), ForgottenSpan(from_us=0, to_us=5)),
        (ForgottenSpan(from_us=2), ForgottenSpan(camera="gate", from_us=2, to_us=9)),
    ],
)
def test_a_span_within_another_goes(wide, narrow):
    assert read_spans(spans_word([narrow, wide])) == (wide,)
    assert not narrow.holds(wide)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ForgottenSpan(camera="gate"), ForgottenSpan(camera="bench")),
        (ForgottenSpan(camera="gate", to_us=9), ForgottenSpan(to_us=5)),
        (ForgottenSpan(to_us=5), ForgottenSpan(from_us=4)),
    ],
)
def test_spans_that_each_hold_more_stay(first, second):
    assert set(read_spans(spans_word([first, second]))) == {first, second}
