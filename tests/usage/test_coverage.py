"""Spans of time as sets, and the three states."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raypp.usage.coverage import StateSums, sights
from raypp.usage.episode import StreamName, Stretch
from raypp.usage.observation import Observation
from raypp.usage.span_arrays import Passed, as_array, as_spans, at_least, other_time
from raypp.usage.spans import length, shared, union, within, without

_span = st.tuples(st.integers(0, 30), st.integers(0, 30))
_spans = st.lists(_span, max_size=6)
S = 1_000_000


def _set(spans: object) -> set[int]:
    return {moment for start, end in spans for moment in range(start, end)}  # type: ignore[attr-defined]


@given(_spans, _spans)
def test_spans_are_sets_of_moments(some: list, other: list) -> None:
    a, b = union(some), union(other)
    assert _set(a) == _set(some)
    assert _set(shared(a, b)) == _set(a) & _set(b)
    assert _set(without(a, b)) == _set(a) - _set(b)
    assert length(a) == len(_set(a))
    assert _set(within(a, 10, 20)) == _set(a) & set(range(10, 20))
    for spans in (a, shared(a, b), without(a, b)):
        assert all(start < end for start, end in spans)
        assert all(end < start for (_, end), (start, _) in pairwise(spans))


@settings(deadline=None)  # the first calls of numpy take long on a busy machine
@given(st.lists(_spans, min_size=1, max_size=4), st.integers(-5, 35), st.integers(-5, 35))
def test_spans_as_arrays_are_the_same_sets(several: list, start: int, end: int) -> None:
    sets = [as_array(union(spans)) for spans in several]
    moments = [_set(as_spans(spans)) for spans in sets]
    assert moments == [_set(spans) for spans in several]
    for number in range(1, len(sets) + 1):
        spans = as_spans(at_least(number, sets))
        assert _set(spans) == {m for m in range(31) if sum(m in each for each in moments) >= number}
        assert spans == union(spans)
    others = at_least(2, [other_time(sets[0]), as_array(((0, 30),))])
    assert _set(as_spans(others)) == set(range(30)) - moments[0]
    first, last = sorted((start, end))
    assert Passed(sets[0]).between(first, last) == len(moments[0] & set(range(first, last)))


def test_of_many_spans_few_are_looked_at() -> None:
    looked = []

    class Counted(tuple):
        __slots__ = ()

        def __getitem__(self, place):
            looked.append(place)
            return super().__getitem__(place)

    spans = Counted((10 * number, 10 * number + 7) for number in range(100_000))
    assert within(spans, 500_003, 500_023) == ((500_003, 500_007), (500_010, 500_017), (500_020, 500_023))
    assert 10 < len(looked) < 50


@settings(deadline=None)
@given(st.lists(st.tuples(_spans, _spans), max_size=3))
def test_three_states_add_up_and_follow_each_moment(parts: list) -> None:
    watched = [(union(used), union(observed)) for used, observed in parts]
    states = StateSums([(as_array(used), as_array(observed)) for used, observed in watched]).between(5, 25)
    used = {m for m in range(5, 25) if any(m in _set(u) and m in _set(o) for u, o in watched)}
    blind = {m for m in range(5, 25) if m not in used and (not watched or any(m not in _set(o) for _, o in watched))}
    assert states.used_s * 1e6 == pytest.approx(len(used))
    assert states.not_observed_s * 1e6 == pytest.approx(len(blind))
    assert states.not_used_s * 1e6 == pytest.approx(20 - len(used) - len(blind))


def _stretch(start: float, end: float, seen: Observation, epoch: int = 1, camera: str = "c") -> Stretch:
    return Stretch(StreamName("s", camera, epoch), round(start * S), round(end * S), seen)


def test_coverage_tells_reasons_and_time_without_frames() -> None:
    by_camera = sights(
        [
            _stretch(0, 10, Observation.OBSERVED),
            _stretch(10, 14, Observation.COVERED),
            _stretch(14, 15, Observation.DROPPED),
            _stretch(18, 20, Observation.OBSERVED),
        ],
        ["c", "dark"],
    )
    whole = by_camera["c"].coverage(0, 20 * S)
    assert (whole.observed_s, whole.not_observed_s, whole.observed_share) == (12, 8, 0.6)
    assert whole.reasons_s == {"covered": 4, "dropped": 1, "no frames": 3}
    assert by_camera["c"].coverage(11 * S, 16 * S).reasons_s == {"covered": 3, "dropped": 1, "no frames": 1}
    assert by_camera["dark"].coverage(0, 20 * S).reasons_s == {"no frames": 20}
    assert by_camera["c"].coverage(5 * S, 5 * S).observed_share == 0


def test_what_one_epoch_saw_is_seen() -> None:
    by_camera = sights([_stretch(0, 10, Observation.OBSERVED), _stretch(8, 12, Observation.FROZEN, epoch=2)])
    assert by_camera["c"].coverage(0, 12 * S).reasons_s == {"frozen": 2}
