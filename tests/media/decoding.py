"""Frames of a video as rows that tests compare."""

import hashlib
from pathlib import Path

from raypp.geometry.letterbox import Letterbox
from raypp.media.container import VideoInfo, probe
from raypp.media.files import open_source
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode

EVERY = Sampling(SamplingMode.EVERY)
KEYFRAMES = Sampling(SamplingMode.KEYFRAMES)

Row = tuple[int, int, str]
"""Timestamp in microseconds, number of the frame, and SHA-256 of its pixels."""


def info_of(path: Path) -> VideoInfo:
    stream = open_source(str(path))
    try:
        return probe(stream)
    finally:
        stream.close()


def rows_of(
    path: Path, start_us: int, end_us: int, sampling: Sampling, report: DecodeReport | None = None
) -> list[Row]:
    info = info_of(path)
    box = Letterbox(64, 16, info.width, info.height)
    stream = open_source(str(path))
    frames = decode(stream, info, start_us, end_us, sampling, box, None, report=report or DecodeReport())
    rows = [
        (frame.timestamp_us, frame.frame_index, hashlib.sha256(frame.pixels.tobytes()).hexdigest()) for frame in frames
    ]
    stream.close()
    return rows
