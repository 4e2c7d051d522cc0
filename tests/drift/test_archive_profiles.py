from itertools import pairwise

from raypp.drift.archive_profiles import _Thinned, evenly


def test_frames_are_chosen_evenly_and_never_too_many():
    assert list(evenly(3, 5)) == [0, 1, 2]
    assert list(evenly(100, 4)) == [12, 37, 62, 87]


def test_of_millions_of_frames_few_are_remembered_and_these_evenly():
    thinned = _Thinned(100)
    for moment_us in range(12_345):
        thinned.add((moment_us, "shard", moment_us))
        assert len(thinned.frames) <= 100
    moments = [frame[0] for frame in thinned.frames]
    steps = {later - earlier for earlier, later in pairwise(moments)}
    assert len(moments) >= 48
    assert max(steps) <= 2 * 128
    assert moments[-1] > 12_345 - 2 * 128
