"""Known images and victims never come from the same place."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raypp.audit.footage.evidence import gather
from raypp.demo.workshop.sample import Sample, make_sample
from raypp.errors import OptionError


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample"), seed=3, sites=2, cameras=2, seconds=6, fps=4, size=(320, 192))


def test_of_several_videos_whole_ones_are_kept_from_the_attacker(sample: Sample) -> None:
    evidence = gather([str(sample.inventory)], 320, known=6, victims=4, seed=0)
    assert evidence.known.frames.shape == (6, 192, 320, 3)
    assert evidence.victims.frames.shape == (4, 192, 320, 3)
    near = [np.abs(a.astype(int) - b).mean() for a in evidence.known.frames for b in evidence.victims.frames]
    assert min(near) > 5, "a frame of the same bench is much nearer"
    again = gather([str(sample.inventory)], 320, known=6, victims=4, seed=0)
    assert np.array_equal(evidence.victims.frames, again.victims.frames)


def test_of_one_video_the_end_is_kept_from_the_attacker(sample: Sample) -> None:
    evidence = gather([str(sample.videos[0].path)], 320, known=6, victims=4, seed=0)
    assert (len(evidence.known), len(evidence.victims)) == (6, 4)
    assert not any(np.array_equal(a, b) for a in evidence.known.frames for b in evidence.victims.frames)


def test_labels_come_with_the_frames(sample: Sample) -> None:
    evidence = gather([str(sample.inventory)], 320, known=4, victims=4, seed=0)
    assert all(evidence.known.boxes)
    for boxes in evidence.victims.boxes:
        for _, box in boxes:
            assert box.x - box.w / 2 + 1e-6 >= 0
            assert box.y + box.h / 2 <= 1 + 1e-6


def test_too_little_footage_is_one_clear_line(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "one.png")
    with pytest.raises(OptionError, match=r"an audit needs 4 of each: name more footage"):
        gather([str(tmp_path)], 64, known=4, victims=4, seed=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no video and no image"):
        gather([str(tmp_path / "empty")], 64, known=4, victims=4, seed=0)
