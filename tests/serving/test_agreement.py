"""Detections of two models on the same frames: an object counts once, by class and place."""

from raypp.ledger.model_agreement import ClassAgreement
from raypp.serving.agreement import compare_detections
from raypp.usage.observation import Detection

_CLASSES = ("drill", "saw")


def _box(class_id: int, left: float, side: float = 0.2, confidence: float = 0.5) -> Detection:
    return Detection(class_id, confidence, left, 0.1, left + side, 0.1 + side)


def test_frames_on_which_both_detect_the_same_are_alike():
    frames = [(_box(0, 0.1), _box(1, 0.5)), (), (_box(0, 0.3),)]
    moved = [tuple(Detection(own.class_id, 0.9, own.x1 + 0.02, own.y1, own.x2, own.y2) for own in f) for f in frames]
    agreement = compare_detections(frames, moved, _CLASSES)
    assert (agreement.frames, agreement.alike, agreement.passed_over) == (3, 3, 0)
    assert agreement.classes == {"drill": ClassAgreement(both=2), "saw": ClassAgreement(both=1)}


def test_what_one_of_them_alone_detects_is_told_by_class():
    live = [(_box(0, 0.1), _box(0, 0.6)), (_box(1, 0.4),)]
    shadow = [(_box(0, 0.1), _box(1, 0.6)), ()]
    agreement = compare_detections(live, shadow, _CLASSES)
    assert (agreement.frames, agreement.alike) == (2, 0)
    assert agreement.classes["drill"] == ClassAgreement(both=1, live_alone=1)
    assert agreement.classes["saw"] == ClassAgreement(live_alone=1, shadow_alone=1)


def test_an_object_is_paired_once_with_what_lies_nearest():
    live, shadow = [(_box(0, 0.10), _box(0, 0.13))], [(_box(0, 0.12),)]
    assert compare_detections(live, shadow, _CLASSES).classes["drill"] == ClassAgreement(both=1, live_alone=1)
    far = compare_detections([(_box(0, 0.1),)], [(_box(0, 0.25),)], _CLASSES).classes["drill"]
    assert far == ClassAgreement(live_alone=1, shadow_alone=1)
