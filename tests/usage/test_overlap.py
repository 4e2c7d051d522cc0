"""What two streams of a camera saw is counted once, whatever is in the ledger."""

from dataclasses import replace

from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName, Stretch, episode_id
from raypp.usage.exposures import Exposures
from raypp.usage.observation import Observation
from raypp.usage.overlap import Overlap, counted_once, exposures_once, violations_once
from raypp.usage.timeline import make_usage_report
from raypp.usage.violation import Exposure, Violation, ViolationKind
from raypp.usage.violations import Violations
from tests.usage.seen import settings

S = 1_000_000
_T0 = 1_768_003_200 * S


def _stream(epoch: int, camera: str = "c1") -> StreamName:
    return StreamName("s", camera, epoch)


def _use(start: float, end: float, epoch: int, tool: str = "hammer", camera: str = "c1") -> Episode:
    start_us, end_us, stream = _T0 + round(start * S), _T0 + round(end * S), _stream(epoch, camera)
    name = episode_id(stream, tool, "", start_us, "x")
    return Episode(name, stream, tool, "", start_us, end_us, end_us - start_us, EpisodeState.FINAL, CloseReason.ENDED)


def _seen(start: float, end: float, epoch: int, camera: str = "c1") -> Stretch:
    start_us, end_us = _T0 + round(start * S), _T0 + round(end * S)
    return Stretch(_stream(epoch, camera), start_us, end_us, Observation.OBSERVED)


def test_the_same_recording_twice_is_reported_once_and_the_overlap_is_told() -> None:
    once = [_use(2, 6, 1), _use(8, 12, 1), _use(10, 20, 1, "saw")]
    twice = [replace(episode, stream=_stream(2), episode_id=episode.episode_id[::-1]) for episode in once]
    stretches = [_seen(0, 30, 1), _seen(0, 30, 2)]
    alone = make_usage_report(settings(""), "s", 0, 0, once, stretches[:1])
    both = make_usage_report(settings(""), "s", 0, 0, [*twice, *once], stretches)
    assert both.model_copy(update={"overlaps": []}) == alone
    assert [(overlap.camera, overlap.stream_epoch, overlap.start_us, overlap.end_us) for overlap in both.overlaps] == [
        ("c1", 2, _T0, _T0 + 30 * S)
    ]


def test_a_use_that_reaches_out_of_what_was_seen_before_is_cut_there() -> None:
    episodes, overlaps = counted_once([_use(5, 15, 2), _use(20, 22, 2)], [_seen(0, 10, 1), _seen(4, 30, 2)])
    assert [(episode.start_us - _T0, episode.end_us - _T0, episode.seen_us) for episode in episodes] == [
        (10 * S, 15 * S, 5 * S),
        (20 * S, 22 * S, 2 * S),
    ]
    assert overlaps == [Overlap("c1", 2, _T0 + 4 * S, _T0 + 10 * S)]


def test_cameras_that_see_the_same_time_and_streams_that_follow_each_other_do_not_overlap() -> None:
    episodes = [_use(2, 6, 1), _use(2, 6, 1, camera="c2"), _use(12, 16, 2)]
    stretches = [_seen(0, 10, 1), _seen(0, 10, 1, "c2"), _seen(10, 20, 2)]
    assert counted_once(episodes, stretches) == (episodes, [])


def test_what_the_first_stream_did_not_see_counts_by_the_second() -> None:
    covered = Stretch(_stream(1), _T0, _T0 + 30 * S, Observation.COVERED)
    episodes = [_use(2, 6, 2)]
    assert counted_once(episodes, [covered, _seen(0, 30, 2)]) == (episodes, [])


def _violation(start: float, end: float, epoch: int) -> Violation:
    start_us, end_us, final = _T0 + round(start * S), _T0 + round(end * S), EpisodeState.FINAL
    kind, seen_us = ViolationKind.FORBIDDEN, end_us - start_us
    return Violation(f"{start:g}", _stream(epoch), kind, "pit", "", 1, start_us, end_us, seen_us, 1.0, final)


def _exposure(start: float, epoch: int) -> Exposure:
    return Exposure(_stream(epoch), "pit", "vest", _T0 + round(start * S), S, 0, (0, 0, 0, 0, 0))


def test_violations_that_two_streams_saw_count_once_and_are_cut_where_they_reach_out() -> None:
    violations = [_violation(5, 15, 2), _violation(2, 6, 1), _violation(4, 6, 2), _violation(20, 22, 2)]
    kept = violations_once(Violations.of(violations), [_seen(0, 10, 1), _seen(4, 30, 2)])
    assert [(row.stream.epoch, row.start_us - _T0, row.end_us - _T0, row.seen_us) for row in kept] == [
        (1, 2 * S, 6 * S, 4 * S),
        (2, 10 * S, 15 * S, 5 * S),
        (2, 20 * S, 22 * S, 2 * S),
    ]


def test_exposure_counts_once_in_quarters_that_an_earlier_stream_saw_as_a_whole() -> None:
    assert _T0 % (900 * S) == 0
    rows = [_exposure(0, 1), _exposure(5, 2), _exposure(900, 2), _exposure(1800, 2)]
    # of its second quarter the later stream saw a second more than the earlier one; of the third nobody saw anything
    stretches = [_seen(0, 1000, 1), _seen(5, 1001, 2)]
    assert list(exposures_once(Exposures.of(rows), stretches)) == [rows[0], *rows[2:]]
    assert list(exposures_once(Exposures.of(rows), stretches[:1])) == rows
