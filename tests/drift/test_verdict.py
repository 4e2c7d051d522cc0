import numpy as np
import pytest

from raypp.drift.reference import SubjectReference
from raypp.drift.verdict import changed_blocks, judge
from raypp.veil.spec import LearnedSpec
from raypp.veil.substitution import substitution
from tests.drift.profiles import BITS, CHANNELS, code_profile, codes_of_day, detection_profile

_DAYS = range(10)


def _code_references(cameras):
    references = [SubjectReference.of([code_profile(c, day, codes_of_day(c, day)) for day in _DAYS]) for c in cameras]
    return {each.subject: each for each in references}


def _detection_references(cameras):
    references = [SubjectReference.of([detection_profile(c, day) for day in _DAYS]) for c in cameras]
    return {each.subject: each for each in references}


def test_a_moved_camera_and_a_changed_block_drift_and_quiet_days_do_not():
    references = _code_references(range(3))
    days = [
        code_profile(0, 20, codes_of_day(0, 20, moved=True)),
        code_profile(1, 20, codes_of_day(1, 20, block=13)),
        *(code_profile(camera, day, codes_of_day(camera, day)) for camera in range(3) for day in range(30, 40)),
    ]
    verdicts = judge(references, days, 0.01)
    assert [verdict.drifted for verdict in verdicts] == [True, True, *[False] * 30]
    assert len(changed_blocks(verdicts[0])) > 40
    assert changed_blocks(verdicts[1]) == (13,)


def test_a_sub_key_that_renames_channels_and_values_changes_no_verdict():
    """A learned veil's sub-keys give the same codes other names: the same drift has the same figures under each."""
    spec = LearnedSpec(channels=CHANNELS, bits=BITS, encoder="0" * 32)
    names = substitution(spec, bytes(range(32)))

    def verdict(rename):
        days = [code_profile(0, day, np.stack([rename(frame) for frame in codes_of_day(0, day)])) for day in _DAYS]
        reference = SubjectReference.of(days)
        changed = np.stack([rename(frame) for frame in codes_of_day(0, 20, block=13)])
        return judge({reference.subject: reference}, [code_profile(0, 20, changed)], 0.01)[0]

    plain, renamed = verdict(lambda frame: frame), verdict(names.apply)
    assert renamed.profile.tables["codes"] is not plain.profile.tables["codes"]
    assert not np.array_equal(renamed.profile.tables["codes"], plain.profile.tables["codes"])
    assert renamed.p == pytest.approx(plain.p, rel=1e-3)
    assert renamed.excess == pytest.approx(plain.excess, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "part"),
    [({"saws": 0.8}, "classes"), ({"side": 0.1}, "sizes"), ({"confidence": 0.5}, "confidence")],
)
def test_detections_that_change_say_what_changed(changed, part):
    verdict = judge(_detection_references(range(2)), [detection_profile(0, 20, **changed)], 0.01)[0]
    assert verdict.drifted
    assert min(verdict.parts, key=lambda each: each.p).name == part


def test_few_detections_are_not_judged_by_their_classes():
    verdict = judge(_detection_references(range(2)), [detection_profile(0, 20, saws=1.0, frames=12)], 0.01)[0]
    assert {part.name for part in verdict.parts}.isdisjoint({"classes", "sizes", "confidence", "places"})


@pytest.mark.slow
def test_the_chance_of_a_false_alarm_is_for_the_whole_check():
    """Checks of thirty quiet profiles each: at 5 % a check, well under one in six has an alarm, and p is not idle."""
    checks, alarms, small = 40, 0, 0
    for check in range(checks):
        cameras = range(1000 * check, 1000 * check + 3)
        days = [detection_profile(camera, day, frames=60) for camera in cameras for day in range(50, 60)]
        references = [
            SubjectReference.of([detection_profile(camera, day, frames=60) for day in _DAYS]) for camera in cameras
        ]
        verdicts = judge({each.subject: each for each in references}, days, 0.05)
        alarms += any(verdict.drifted for verdict in verdicts)
        small += sum(verdict.p < 0.1 for verdict in verdicts)
    assert alarms <= checks / 6
    assert 0.01 < small / (30 * checks) < 0.2
