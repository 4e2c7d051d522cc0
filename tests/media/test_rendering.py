"""Frames as they are shown: the same pixels, and no thread beside the one that asks."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from raypp.geometry.letterbox import Letterbox
from raypp.media.orientation import Orientation
from raypp.media.rendering import Renderer
from tests.videos import make_video


@pytest.mark.parametrize("size", [64, 160, 640])
def test_pixels_are_those_of_a_scaler_with_many_threads(size: int, tmp_path: Path) -> None:
    video = make_video(tmp_path / "hall.mp4", seconds=0.5, width=162, height=98)
    box = Letterbox(size, 8, 162, 98)
    render = Renderer(box, Orientation(), None)
    threaded = VideoReformatter()
    content = (box.content_width, box.content_height)
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            expected = threaded.reformat(frame, *content, "rgb24", interpolation="AREA", threads=7).to_ndarray()
            np.testing.assert_array_equal(render(frame)[: content[1], : content[0]], expected)


def test_scaling_starts_no_thread(tmp_path: Path) -> None:
    video = make_video(tmp_path / "hall.mp4", seconds=0.2)
    render = Renderer(Letterbox(64, 8, 160, 96), Orientation(), None)
    with av.open(str(video)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        frames = list(container.decode(video=0))
        before = len(list(Path("/proc/self/task").iterdir()))
        render(frames[0])
        assert len(list(Path("/proc/self/task").iterdir())) == before
