"""The fold: gaps, hysteresis, time not observed, late frames; and the same from any chunking."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from raypp.errors import FoldError, SettingsError
from raypp.usage.episode import CloseReason, EpisodeState, StreamName, episode_id
from raypp.usage.fold import MOST_WAITING, Fold
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.usage.state import FoldState, close
from tests.usage.seen import CLASSES, STREAM, Ledger, S, box, fold, frame, settings, video

_HAMMER = box("hammer", 0.5, 0.5)
_RULES = settings("""
max_frame_gap_s: 2
max_lateness_s: 0
tools: [{class: hammer, min_on_s: 1, max_gap_s: 1}]
""")


def _rows(letters: str, rules: SiteSettings = _RULES, step_s: float = 0.5) -> list:
    _, ledger = fold(rules, [video(letters, _HAMMER, step_s=step_s)])
    return [row[2:] for row in ledger.rows()]


@pytest.mark.parametrize(
    ("letters", "rows"),
    [
        ("..####....", [(1, 3, "ENDED")]),
        ("..#.......", []),  # shorter than min_on_s
        ("..##......", [(1, 2, "ENDED")]),  # just as long
        ("..##..##..", [(1, 4, "END_OF_STREAM")]),  # a break of max_gap_s is bridged, also at the end
        ("..##...##....", [(1, 2, "ENDED"), (3.5, 4.5, "ENDED")]),  # a longer one is not
        (".#.#.#.#.#.#.", []),  # flicker never adds up
        ("##.#.#.#....", [(0, 4, "ENDED")]),  # but does not end what was opened
        ("..####", [(1, 3, "END_OF_STREAM")]),
        ("..##cc##....", [(1, 4, "ENDED")]),  # unseen for max_gap_s
        ("..##ccc##....", [(1, 2, "NOT_OBSERVED"), (3.5, 4.5, "ENDED")]),
        ("..##cccc....", [(1, 2, "NOT_OBSERVED")]),
        ("..##c.......", [(1, 2, "ENDED")]),
        ("..##.ccc....", [(1, 2, "ENDED")]),
        ("..##    ##....", [(1, 5, "ENDED")]),  # frames 2.5 s apart: held for 2 s, then 0.5 s without frames
        ("..##       ##....", [(1, 3.5, "NOT_OBSERVED"), (5.5, 6.5, "ENDED")]),
        ("", []),
        ("#", []),
    ],
)
def test_gaps_and_hysteresis(letters: str, rows: list) -> None:
    assert _rows(letters) == rows


def test_time_in_use_leaves_bridged_breaks_out() -> None:
    _, ledger = fold(_RULES, [video("..##.##....", _HAMMER)])
    (episode,) = ledger.episodes.values()
    assert (episode.start_us, episode.end_us, episode.seen_us) == (1 * S, 3.5 * S, 2 * S)
    assert episode.state is EpisodeState.FINAL
    assert episode.episode_id == episode_id(STREAM, "hammer", "", 1 * S, _RULES.settings_id)


def test_zero_times_open_and_close_at_once() -> None:
    rules = settings("max_lateness_s: 0\ntools: [{class: hammer, min_on_s: 0, max_gap_s: 0}]")
    assert _rows("#.#", rules) == [(0, 0.5, "ENDED"), (1, 1.5, "END_OF_STREAM")]


def test_an_open_episode_grows_under_one_name() -> None:
    whole, ledger = Fold(_RULES, STREAM, CLASSES), Ledger()
    state, seen = whole.begin(), []
    for each in video("..######...", _HAMMER):
        state, changes = whole.advance(state, [each])
        ledger.take(changes)
        seen += [(row.end_us / S, row.state) for row in changes.episodes]
    assert [end for end, state in seen if state is EpisodeState.OPEN] == [2, 2.5, 3, 3.5, 4]
    assert len(ledger.episodes) == 1
    assert seen[-1] == (4, EpisodeState.OPEN)  # a break of 1 s may still be bridged
    state, changes = whole.advance(state, video("..", start_s=5.5))
    assert [(row.end_us / S, row.state, row.reason) for row in changes.episodes] == [
        (4, EpisodeState.FINAL, CloseReason.ENDED)
    ]


def test_stretches_tell_what_was_seen_and_when_not() -> None:
    _, ledger = fold(_RULES, [video("####cc..mm..", _HAMMER)])
    assert ledger.seen() == [
        (0, 2, "OBSERVED"),
        (2, 3, "COVERED"),
        (3, 4, "OBSERVED"),
        (4, 5, "MOVED"),
        (5, 6, "OBSERVED"),
    ]


def test_time_without_frames_belongs_to_no_stretch_unless_the_site_dropped_them() -> None:
    _, ledger = fold(_RULES, [video("..          ..", _HAMMER)])
    assert ledger.seen() == [(0, 2.5, "OBSERVED"), (6, 7, "OBSERVED")]
    _, ledger = fold(_RULES, [video("..          d.", _HAMMER)])
    assert ledger.seen() == [(0, 2.5, "OBSERVED"), (2.5, 6.5, "DROPPED"), (6.5, 7, "OBSERVED")]


def test_frames_that_go_back_in_time_are_put_in_order_or_counted() -> None:
    rules = settings("max_lateness_s: 1\ntools: [{class: hammer, min_on_s: 1, max_gap_s: 0}]")
    frames = video("..####....", _HAMMER)
    swapped = [frames[index] for index in (0, 2, 1, 4, 3, 5, 7, 6, 8, 9)]
    state, ledger = fold(rules, [swapped])
    assert (ledger.rows(), state.late, state.frames) == (fold(rules, [frames])[1].rows(), 0, 10)
    late = [*frames[:3], *frames[4:8], frames[3], *frames[8:]]
    state, ledger = fold(rules, [late])
    assert (state.late, state.frames) == (1, 9)
    assert [row[2:] for row in ledger.rows()] == [(1, 3, "ENDED")]


def test_a_frame_that_comes_twice_counts_once() -> None:
    frames = video("..####....", _HAMMER)
    state, ledger = fold(_RULES, [[seen for each in frames for seen in (each, each)]])
    assert (ledger.rows(), state.late) == (fold(_RULES, [frames])[1].rows(), 10)


def test_an_ended_stream_takes_nothing_more() -> None:
    state, _ = fold(_RULES, [video("####", _HAMMER)])
    whole = Fold(_RULES, STREAM, CLASSES)
    assert state.ended is CloseReason.END_OF_STREAM
    with pytest.raises(FoldError, match="cam-1 of epoch 1000000 has ended"):
        whole.advance(state, video("#", _HAMMER))
    with pytest.raises(FoldError, match="has ended"):
        whole.finish(state, CloseReason.END_OF_STREAM)
    assert close(state, CloseReason.REPLACED)[0] == state


def test_a_stream_is_closed_from_its_state_alone() -> None:
    whole = Fold(_RULES, STREAM, CLASSES)
    state, _ = whole.advance(whole.begin(), video("######", _HAMMER))
    ended, changes = close(FoldState.from_json(state.to_json()), CloseReason.REPLACED)
    assert ended.ended is CloseReason.REPLACED
    assert [(row.end_us / S, row.state, row.reason) for row in changes.episodes] == [
        (2, EpisodeState.FINAL, CloseReason.REPLACED)
    ]


def test_new_settings_close_what_is_open_and_go_on() -> None:
    frames = video("##########", _HAMMER)
    before, ledger = Fold(_RULES, STREAM, CLASSES), Ledger()
    state, changes = before.advance(before.begin(), frames[:6])
    ledger.take(changes)
    other = Fold(settings("max_lateness_s: 0\ntools: [{class: hammer, name: big hammer}]"), STREAM, CLASSES)
    assert not other.fits(state)
    with pytest.raises(FoldError, match="other settings or classes"):
        other.advance(state, frames[6:])
    state, changes = other.adopt(state)
    ledger.take(changes)
    state, changes = other.advance(state, frames[6:])
    ledger.take(changes)
    ledger.take(other.finish(state, CloseReason.END_OF_STREAM)[1])
    assert [(row[0], row[4]) for row in ledger.rows()] == [("hammer", "SETTINGS"), ("big hammer", "END_OF_STREAM")]
    with pytest.raises(FoldError, match="not StreamName"):
        Fold(_RULES, StreamName("other", "cam-1", 1), CLASSES).adopt(before.begin())


def test_a_damaged_state_is_named() -> None:
    text = Fold(_RULES, STREAM, CLASSES).begin().to_json()
    with pytest.raises(FoldError, match="kept fold state: lanes"):
        FoldState.from_json(text.replace('"lanes":[', '"lanes":[3,'))
    with pytest.raises(FoldError, match="version 9"):
        FoldState.from_json(json.dumps(json.loads(text) | {"version": 9}))
    with pytest.raises(FoldError, match=r"[Uu]nexpected"):
        FoldState.from_json(json.dumps(json.loads(text) | {"colour": 9}))


def test_a_class_that_is_missing_is_found_before_the_first_frame() -> None:
    with pytest.raises(SettingsError, match=r"settings of site site-a: .*no class hammer"):
        Fold(_RULES, STREAM, ("saw",))


_ALL_MODES = settings("""
cameras: {cam-1: {stations: {left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}}
max_frame_gap_s: 2
max_lateness_s: 1
tools:
  - {class: hammer, min_on_s: 0.5, max_gap_s: 0.5}
  - {class: hammer, name: hammer away, mode: absent, stations: [left], min_on_s: 0.3, max_gap_s: 1}
  - {class: saw, mode: moving, min_on_s: 0.2, max_gap_s: 0.4, max_hidden_s: 1}
  - {class: saw, name: held saw, mode: in_hand, near: [hand], min_on_s: 0, max_gap_s: 0.3}
  - {class: helmet, mode: worn, near: [person], min_on_s: 0.2, max_gap_s: 0.2}
""")
_unit = st.floats(0, 1, width=32)
_detections = st.builds(
    lambda name, confidence, x, y, w, h: Detection(
        name, max(confidence, 1e-3), min(x, w), min(y, h), max(x, w), max(y, h)
    ),
    st.integers(0, len(CLASSES) - 1),
    *[_unit] * 5,
)


@st.composite
def _streams(draw: st.DrawFn) -> list[SeenFrame]:
    """Frames as they come: mostly regular, with gaps, blindness, and times that go back."""
    frames = []
    now = draw(st.integers(0, 10**15))
    for index in range(draw(st.integers(0, 40))):
        now += draw(st.sampled_from([100_000] * 6 + [1, 400_000, 1_900_000, 2_000_000, 2_000_001, 7_000_000]))
        at = now - draw(st.sampled_from([0] * 8 + [150_000, 900_000, 1_000_000, 3_000_000]))
        seen = draw(st.sampled_from([Observation.OBSERVED] * 8 + list(Observation)))
        detections = draw(st.lists(_detections, max_size=4)) if seen is Observation.OBSERVED else []
        frames.append(SeenFrame(index, max(at, 0), seen, tuple(detections)))
    return frames


@st.composite
def _chunked(draw: st.DrawFn) -> tuple[list[SeenFrame], list[list[SeenFrame]]]:
    frames = draw(_streams())
    cuts = sorted(draw(st.lists(st.integers(0, len(frames)), max_size=8)))
    return frames, [frames[start:end] for start, end in pairwise([0, *cuts, len(frames)])]


@hypothesis_settings(max_examples=150, deadline=None)
@given(_chunked())
def test_any_chunking_gives_the_same(case: tuple[list[SeenFrame], list[list[SeenFrame]]]) -> None:
    frames, chunks = case
    whole_state, whole = fold(_ALL_MODES, [frames], end=None)
    state, parts = fold(_ALL_MODES, chunks, through_json=True, end=None)
    assert state == whole_state
    assert state.to_json() == whole_state.to_json()
    assert parts.stretches == whole.stretches
    assert parts.episodes == whole.episodes
    ended_state, ended = fold(_ALL_MODES, chunks, through_json=True)
    whole_ended_state, whole_ended = fold(_ALL_MODES, [frames])
    assert (ended_state, ended.episodes, ended.stretches) == (
        whole_ended_state,
        whole_ended.episodes,
        whole_ended.stretches,
    )


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.data(), _streams())
def test_order_within_the_lateness_does_not_matter(data: st.DataObject, frames: list[SeenFrame]) -> None:
    ordered = sorted({(seen.timestamp_us, seen.frame_index): seen for seen in frames}.values(), key=_order)
    delays = data.draw(st.lists(st.integers(0, 1_000_000), min_size=len(ordered), max_size=len(ordered)))
    shuffled = [seen for _, seen in sorted(zip(delays, ordered, strict=True), key=lambda p: p[0] + p[1].timestamp_us)]
    state, folded = fold(_ALL_MODES, [shuffled])
    sorted_state, expected = fold(_ALL_MODES, [ordered])
    assert state.late == sorted_state.late == 0
    assert folded.episodes == expected.episodes
    assert folded.stretches == expected.stretches


def _order(seen: SeenFrame) -> tuple[int, int]:
    return seen.timestamp_us, seen.frame_index


@hypothesis_settings(max_examples=100, deadline=None)
@given(_streams())
def test_what_is_found_is_consistent(frames: list[SeenFrame]) -> None:
    state, ledger = fold(_ALL_MODES, [frames])
    assert state.frames + state.late == len(frames)
    for before, after in pairwise(sorted(ledger.stretches.values(), key=lambda stretch: stretch.start_us)):
        assert before.start_us < before.end_us <= after.start_us
    lanes: dict[tuple[str, str], list] = {}
    for episode in ledger.episodes.values():
        assert episode.state is EpisodeState.FINAL
        assert episode.start_us < episode.end_us
        assert 0 < episode.seen_us <= episode.end_us - episode.start_us
        lanes.setdefault((episode.tool, episode.station), []).append(episode)
    for episodes in lanes.values():
        for before, after in pairwise(sorted(episodes, key=lambda episode: episode.start_us)):
            assert before.end_us < after.start_us


def test_the_state_stays_small_however_long_the_stream_and_whatever_it_holds() -> None:
    whole = Fold(_ALL_MODES, STREAM, CLASSES)
    state, sizes = whole.begin(), []
    for chunk in range(60):
        frames = [
            frame(
                (chunk * 50 + number) / 10,
                *(box("saw", (number * 7 + k) % 10 / 10, k / 10) for k in range(number % 5)),
                box("person", 0.5, 0.5),
            )
            for number in range(50)
        ]
        state, _ = whole.advance(state, frames)
        sizes.append(len(state.to_json()))
    assert max(sizes[30:]) <= 1.1 * max(sizes[:30])
    assert max(sizes) < 20_000
    many = [SeenFrame(index, 10**12, Observation.OBSERVED, (_HAMMER,)) for index in range(5000)]
    state, _ = whole.advance(state, many)
    assert len(state.waiting) == MOST_WAITING
    junk = [SeenFrame(9000, 2 * 10**12, Observation.OBSERVED, tuple(box("saw", k / 300, 0.5) for k in range(300)))]
    state, _ = whole.advance(state, [*junk, frame(3 * 10**6)])
    assert sum(len(motion.tracks) for motion in state.motion) <= 32
