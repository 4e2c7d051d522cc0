"""An image of a video knows the frames that follow it, and the whole video."""

import numpy as np

from raypp.audit.footage.evidence import gather
from tests.data import shared_data


def test_images_of_a_video_know_what_follows_and_stills_do_not() -> None:
    video = shared_data("videos", "bottle-detection.mp4")
    evidence = gather([str(video)], 96, 4, 4, 0)
    image, moment = evidence.victims.frames[0], evidence.victims.moments[0]
    assert moment is not None
    assert np.array_equal(moment.burst(1)[0], image)
    three = moment.burst(3).astype(int)
    assert 0 < np.abs(np.diff(three, axis=0)).mean() < 5
    last = evidence.victims.moments[-1]
    assert last is not None
    assert 1 < len(last.burst(10_000)) < 10_000
    whole = moment.whole(3)
    assert whole.shape == (3, *image.shape)
    assert np.abs(np.diff(whole.astype(int), axis=0)).mean() > 1
    stills = gather([str(shared_data("tools17", "images", "val"))], 96, 4, 4, 0)
    assert stills.victims.moments == ()
