"""Objects followed through a video, by hand-reckoned places."""

from raypp.media.annotations.tracks import Keyframe, LabelTrack, by_frame

HERE, THERE = (0.0, 0.0, 10.0, 10.0), (100.0, 50.0, 130.0, 70.0)


def _seen(track: LabelTrack, last: int) -> list[int]:
    return [frame for frame in range(last + 1) if track.at(frame) is not None]


def test_places_between_keyframes_lie_on_a_straight_line() -> None:
    track = LabelTrack("a", (Keyframe(0, HERE), Keyframe(10, THERE)), 20)
    assert track.at(3) == (30.0, 15.0, 46.0, 28.0)
    assert track.at(10) == THERE
    assert track.at(20) == THERE, "the last keyframe holds to the end"
    assert track.at(21) is None


def test_an_object_that_is_outside_is_nowhere_until_it_comes_back() -> None:
    outside = Keyframe(5, HERE, shown=False, goes_on=False)
    track = LabelTrack("a", (Keyframe(2, HERE), outside, Keyframe(8, THERE)), 9)
    assert _seen(track, 12) == [2, 3, 4, 8, 9]


def test_a_keyframe_that_is_switched_off_is_itself_still_shown() -> None:
    track = LabelTrack("a", (Keyframe(2, HERE), Keyframe(5, HERE, goes_on=False), Keyframe(8, THERE)), 9)
    assert _seen(track, 12) == [2, 3, 4, 5, 8, 9]


def test_keyframes_are_put_in_order_and_the_later_of_two_counts() -> None:
    keyframes = by_frame([Keyframe(8, HERE), Keyframe(2, HERE), Keyframe(8, THERE)])
    assert [(keyframe.frame, keyframe.edges) for keyframe in keyframes] == [(2, HERE), (8, THERE)]
