"""Videos are shown upright and the right way round, whichever of the eight ways they lie."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode

_ONE, _W = 1 << 16, 1 << 30
# What FFmpeg's own `autorotate` shows, as functions of the pixels decoded: [a, b, c, d] of the display matrix.
_WAYS = {
    "upright": ((1, 0, 0, 1), lambda x: x),
    "quarter turn clockwise": ((0, 1, -1, 0), lambda x: np.rot90(x, -1)),
    "half turn": ((-1, 0, 0, -1), lambda x: np.rot90(x, 2)),
    "quarter turn counter-clockwise": ((0, -1, 1, 0), np.rot90),
    "left and right exchanged": ((-1, 0, 0, 1), lambda x: x[:, ::-1]),
    "top and bottom exchanged": ((1, 0, 0, -1), lambda x: x[::-1]),
    "transposed": ((0, 1, 1, 0), lambda x: x.swapaxes(0, 1)),
    "transverse": ((0, -1, -1, 0), lambda x: np.rot90(x, 2).swapaxes(0, 1)),
}


def _scene() -> np.ndarray:
    """Four quarters of four colours, uint8[48, 64, 3]: no two of the eight ways look the same."""
    scene = np.zeros((48, 64, 3), np.uint8)
    scene[:24, :32], scene[:24, 32:], scene[24:, :32], scene[24:, 32:] = 30, (200, 30, 30), (30, 200, 30), 220
    return scene


def _video(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    a, b, c, d = (_ONE * entry for entry in matrix)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=64, height=48, pix_fmt="yuv444p", options={"qp": "2"})
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, _W])
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(_scene(), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("end", ["mp4", "mov"])
@pytest.mark.parametrize("way", _WAYS)
def test_a_video_is_shown_as_its_display_matrix_says(way: str, end: str, tmp_path: Path) -> None:
    matrix, shown = _WAYS[way]
    path = _video(tmp_path / f"video.{end}", matrix)
    wanted = shown(_scene())
    stream = open_source(str(path))
    info = probe(stream)
    assert (info.height, info.width) == wanted.shape[:2]
    box = Letterbox(64, 16, info.width, info.height)
    frame = next(decode(stream, info, 0, END_US, Sampling(SamplingMode.EVERY), box, None, report=DecodeReport()))
    stream.close()
    assert frame.pixels.shape == wanted.shape
    assert float(np.abs(frame.pixels.astype(int) - wanted).mean()) < 6
