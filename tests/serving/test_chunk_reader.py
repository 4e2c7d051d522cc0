"""What was found on a block of frames goes to those that were observed, in order."""

import pytest

from raypp.serving.chunk_reader import with_detections
from raypp.serving.model import DetectedBlock
from raypp.usage.observation import Detection, Observation, SeenFrame


def _detection(class_id: int) -> Detection:
    return Detection(class_id, 0.5, 0.25, 0.25, 0.5, 0.5)


_SEEN = (Observation.OBSERVED, Observation.COVERED, Observation.OBSERVED, Observation.DROPPED)
_FRAMES = tuple(SeenFrame(index, 1000 * index, seen) for index, seen in enumerate(_SEEN))


def test_each_observed_frame_gets_its_own_detections() -> None:
    detected = DetectedBlock("model", ((_detection(0), _detection(1)), (_detection(2),)))
    joined = with_detections(_FRAMES, detected)
    assert [[detection.class_id for detection in frame.detections] for frame in joined] == [[0, 1], [], [2], []]
    assert [(frame.frame_index, frame.timestamp_us, frame.observation) for frame in joined] == [
        (index, 1000 * index, seen) for index, seen in enumerate(_SEEN)
    ]


def test_frames_that_nobody_observed_stay_as_they_are() -> None:
    unseen = tuple(frame for frame in _FRAMES if frame.observation is not Observation.OBSERVED)
    assert with_detections(unseen, None) == unseen


def test_too_few_detections_are_no_end_of_the_frames() -> None:
    with pytest.raises(RuntimeError):
        with_detections(_FRAMES, DetectedBlock("model", ((_detection(0),),)))
