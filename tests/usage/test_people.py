"""People before one camera: the same from any chunking, right on unseen yards, and small."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from raypp.demo.yard.figure import CLASSES
from raypp.demo.yard.site import Seeds, Yard, trembling
from raypp.usage.alert_rules import STORED_RULES, AlertKind
from raypp.usage.alerts import Lasting, violation_alerts
from raypp.usage.episode import CloseReason, EpisodeState
from raypp.usage.fold import Fold
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.people import MOST_PEOPLE
from raypp.usage.settings import SiteSettings
from raypp.usage.state import Changes, FoldState, close
from raypp.usage.violation import ViolationKind
from tests.usage.yards import SETTINGS, STREAM, Score, folded

_YARD = Yard.make(Seeds.DEVELOP, 3, seconds=40)
_FRAMES = tuple(frame.frame for frame in _YARD.frames)
_FOLD = Fold(SETTINGS, STREAM, CLASSES)
_ALERTS = STORED_RULES.validate_json(
    """[{"name": "begun", "when": "violation_opened", "to": ["office"]},
    {"name": "long", "when": "violation_lasts", "longer_than_s": 2, "to": ["office"]},
    {"name": "over", "when": "violation_ended", "to": ["office"]}]"""
)


@st.composite
def _streams(draw: st.DrawFn) -> tuple[list[SeenFrame], list[list[SeenFrame]]]:
    """A stretch of a yard whose detections come in any order, with frames lost, hidden and doubled, cut into chunks."""
    first = draw(st.integers(0, 250))
    frames = []
    for frame in _FRAMES[first : first + draw(st.integers(5, 130))]:
        kind = draw(st.sampled_from(["kept"] * 14 + ["lost", "covered", "few", "turned"]))
        if kind == "covered":
            frames.append(SeenFrame(frame.frame_index, frame.timestamp_us, Observation.COVERED))
        elif kind != "lost":
            shown = frame.detections[::2] if kind == "few" else frame.detections
            shown = shown[::-1] if kind == "turned" else shown
            frames.append(SeenFrame(frame.frame_index, frame.timestamp_us, frame.observation, shown))
    cuts = sorted(draw(st.lists(st.integers(0, len(frames)), max_size=6)))
    return frames, [frames[start:end] for start, end in pairwise([0, *cuts, len(frames)])]


@hypothesis_settings(max_examples=25, deadline=None)
@given(_streams())
def test_any_chunking_and_any_restart_gives_the_same(case: tuple[list[SeenFrame], list[list[SeenFrame]]]) -> None:
    frames, chunks = case
    whole, changes = _FOLD.advance(_FOLD.begin(), frames)
    state = _FOLD.begin()
    parts = Changes()
    for chunk in chunks:
        state, more = _FOLD.advance(FoldState.from_json(state.to_json()), chunk)
        parts = parts.then(more)
    assert state.to_json() == whole.to_json()
    assert _by_name(parts) == _by_name(changes)
    ended, last = _FOLD.finish(FoldState.from_json(state.to_json()), CloseReason.END_OF_STREAM)
    ended_whole, last_whole = _FOLD.finish(whole, CloseReason.END_OF_STREAM)
    assert (ended, _by_name(parts.then(last))) == (ended_whole, _by_name(changes.then(last_whole)))
    for violation in parts.then(last).violations:
        assert violation.state is EpisodeState.FINAL
        assert 0 < violation.seen_us <= violation.end_us - violation.start_us
        assert 0 < violation.sure <= 1


def _in_time(alert: tuple[AlertKind, int]) -> tuple[int, str]:
    return alert[1], alert[0].value


def _raised(chunks: list[list[SeenFrame]]) -> list[tuple[AlertKind, int]]:
    """Kind and moment of the alerts that a stream raises, each chunk against what the ones before left; by moment."""
    state, held, alerts = _FOLD.begin(), {}, []
    for number, chunk in enumerate(chunks, 1):
        state, changes = _FOLD.advance(state, chunk)
        if number == len(chunks):
            changes = changes.then(_FOLD.finish(state, CloseReason.END_OF_STREAM)[1])
        alerts += violation_alerts(_ALERTS, changes.violations, held)
        held |= {
            row.violation_id: Lasting(row.start_us, row.end_us, row.state is EpisodeState.FINAL)
            for row in changes.violations
        }
    assert len({alert.alert_id for alert in alerts}) == len(alerts)
    return sorted(((alert.kind, alert.moment_us) for alert in alerts), key=_in_time)


@hypothesis_settings(max_examples=15, deadline=None)
@given(_streams())
def test_any_chunking_raises_each_alert_once(case: tuple[list[SeenFrame], list[list[SeenFrame]]]) -> None:
    frames, chunks = case
    expected = []
    for violation in folded(frames).violations:
        expected += [
            (AlertKind.VIOLATION_OPENED, violation.start_us),
            (AlertKind.VIOLATION_ENDED, violation.end_us),
        ]
        if violation.end_us - violation.start_us > 2_000_000:
            expected.append((AlertKind.VIOLATION_LASTS, violation.start_us + 2_000_000))
    assert _raised(chunks) == sorted(expected, key=_in_time)


def _by_name(changes: Changes) -> tuple[dict, dict]:
    rows = {(row.zone, row.item, row.start_us): row for row in changes.exposures}
    return {violation.violation_id: violation for violation in changes.violations}, rows


def test_the_order_of_detections_does_not_matter() -> None:
    mixed = [
        SeenFrame(frame.frame_index, frame.timestamp_us, frame.observation, frame.detections[::-1]) for frame in _FRAMES
    ]
    assert folded(mixed) == folded(_FRAMES)


def test_yards_that_nobody_tuned_for_are_right() -> None:
    true, trembled = Score(), Score()
    for number in range(3):
        frames = Yard.make(Seeds.TRAIN, number, seconds=60).frames
        seen = tuple(frame.frame for frame in frames)
        true.add(frames, folded(seen))
        trembled.add(frames, folded(trembling(seen, np.random.default_rng(number))))
    assert true.true >= 20
    assert true.f1 >= 0.95
    assert trembled.f1 >= 0.88
    assert max(true.errors().values()) <= 0.06


def test_a_stream_is_closed_from_its_state_alone() -> None:
    state, _ = _FOLD.advance(_FOLD.begin(), _FRAMES[:250])
    assert any(lane.opened for lane in state.people.lanes)
    ended, changes = close(FoldState.from_json(state.to_json()), CloseReason.REPLACED)
    assert ended.people.tracks == ended.people.lanes == ()
    assert changes.violations
    for violation in changes.violations:
        assert (violation.state, violation.reason) == (EpisodeState.FINAL, CloseReason.REPLACED)


def test_people_keep_their_numbers_to_themselves_over_new_settings() -> None:
    state, _ = _FOLD.advance(_FOLD.begin(), _FRAMES[:250])
    everywhere = "{polygon: [[0, 0], [1, 0], [1, 1], [0, 1]], forbidden: true}"
    text = f"max_lateness_s: 0\ncameras: {{yard-1: {{zones: {{pit: {everywhere}}}}}}}"
    other = Fold(SiteSettings.parse(text, "other"), STREAM, CLASSES)
    adopted, changes = other.adopt(state)
    assert adopted.people.next_number == state.people.next_number
    assert {violation.reason for violation in changes.violations} <= {CloseReason.SETTINGS}
    after, more = other.advance(adopted, _FRAMES[250:330])
    assert {violation.kind for violation in more.violations} == {ViolationKind.FORBIDDEN}
    assert min(track.number for track in after.people.tracks) >= state.people.next_number


def test_states_of_older_versions_have_no_people() -> None:
    plain = Fold(SiteSettings.default(), STREAM, CLASSES)
    state, _ = plain.advance(plain.begin(), _FRAMES[:5])
    assert '"people":null' in state.to_json()
    older = state.to_json().replace('"people":null,"version":2', '"version":1')
    assert '"version":1' in older
    assert FoldState.from_json(older) == state


@pytest.mark.parametrize("people", [64, 100])
def test_the_state_stays_small_however_many_come(people: int) -> None:
    frames = []
    for index in range(60):
        boxes = []
        for number in range(people):
            x, y = 0.06 + 0.9 * (number % 10) / 10, 0.56 + 0.4 * (number // 10) / 10 + 0.0001 * (index % 7)
            boxes.append(Detection(CLASSES.index("person"), 0.9, x, y - 0.2, x + 0.03, y))
            boxes.append(Detection(CLASSES.index("no_vest"), 0.9, x + 0.005, y - 0.16, x + 0.025, y - 0.1))
            boxes.append(Detection(CLASSES.index("no_helmet"), 0.9, x + 0.005, y - 0.2, x + 0.025, y - 0.17))
            boxes.append(Detection(CLASSES.index("bare_hand"), 0.9, x + 0.005, y - 0.13, x + 0.025, y - 0.1))
        frames.append(SeenFrame(index, index * 100_000, Observation.OBSERVED, tuple(boxes)))
    state, changes = _FOLD.advance(_FOLD.begin(), frames)
    assert len(state.people.tracks) == MOST_PEOPLE
    assert len(changes.violations) > 60
    assert len(replace(state, waiting=()).to_json()) <= 64_000
