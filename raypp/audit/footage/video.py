"""When in a video an image was taken, and what its camera saw around it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np

from raypp.audit.core.model import Frames
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import VideoInfo, probe
from raypp.media.files import SourceStream, open_source
from raypp.media.frame import Frame
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode

_SEARCHED_US = 10_000_000
"""How far after a moment frames are looked for."""


@dataclass(frozen=True)
class VideoMoment:
    """A frame's place in its video; its camera's other frames are read when they are asked for.

    Attributes:
        url: of the video, or its local path.
        timestamp_us: presentation time.
        size: side of the letterboxed square, in pixels.
        cell: windows are multiples of this many pixels.
    """

    url: str
    timestamp_us: int
    size: int
    cell: int

    def burst(self, count: int) -> Frames:
        """Return the frame and those that follow it, uint8[count, H, W, 3], or fewer where the video ends."""
        with _opened(self.url, self.size, self.cell) as (stream, info, box):
            frames = islice(frames_from(stream, info, self.timestamp_us, box), count)
            return np.stack([frame.pixels for frame in frames])

    def whole(self, count: int) -> Frames:
        """Return at most `count` frames, taken evenly from the whole video; read once in a process."""
        return _whole(self.url, self.size, self.cell, count)


def moments(info: VideoInfo, count: int) -> list[int]:
    """Return `count` moments spread evenly over a video, in microseconds."""
    times_us: list[int] = np.linspace(0, info.duration_us, count + 2)[1:-1].astype(int).tolist()
    return times_us


def frames_from(stream: SourceStream, info: VideoInfo, start_us: int, box: Letterbox) -> Iterator[Frame]:
    """Decode a video's frames of the box's size from a moment on, those of ten seconds."""
    sampling, report = Sampling(SamplingMode.EVERY), DecodeReport()
    frames = decode(stream, info, start_us, start_us + _SEARCHED_US, sampling, box, None, report=report)
    return (frame for frame in frames if frame.fits(box))


@contextmanager
def _opened(url: str, size: int, cell: int) -> Iterator[tuple[SourceStream, VideoInfo, Letterbox]]:
    stream = open_source(url)
    try:
        info = probe(stream)
        yield stream, info, Letterbox(size, cell, info.width, info.height)
    finally:
        stream.close()


@lru_cache(maxsize=4)
def _whole(url: str, size: int, cell: int, count: int) -> Frames:
    with _opened(url, size, cell) as (stream, info, box):
        first = (islice(frames_from(stream, info, moment, box), 1) for moment in moments(info, count))
        return np.stack([frame.pixels for frames_of_source in first for frame in frames_of_source])
