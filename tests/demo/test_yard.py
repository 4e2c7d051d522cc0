"""Yards: who is there is a pure function of the seed, and a nearer camera sees the same people higher."""

import pytest

from raypp.demo.yard.site import Seeds, Yard

_TALL = 1.4


def test_a_nearer_camera_sees_the_same_people_higher_and_whole() -> None:
    usual = Yard.make(Seeds.DEVELOP, 1).people
    near = Yard.make(Seeds.DEVELOP, 1, tall=_TALL).people
    heights = []
    for person, nearer in zip(usual, near, strict=True):
        moments = (person.times[0] + 0.1 * step for step in range(300))
        for before, after in ((person.figure(time_s), nearer.figure(time_s)) for time_s in moments):
            if before is None or after is None:
                assert before is after is None
                continue
            assert (after.x, after.y, after.facing) == (before.x, before.y, before.facing)
            assert after.height == pytest.approx(_TALL * before.height)
            heights.append(after.body()[1])
    assert heights
    assert min(heights) >= 0
