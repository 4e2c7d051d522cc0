"""Videos made for benchmarks: H.264 with moving texture and noise, so that nearly all cells change all the time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS = 25


def make_source(
    path: Path,
    minutes: float,
    size: tuple[int, int] = (1280, 720),
    bframes: int = 3,
    keyframe_s: int = 2,
    encoded_s: int = 10,
) -> Path:
    """Write a video of `minutes` minutes: some seconds are encoded, and their packets repeated without loss.

    Args:
        path: the file; its folder is made.
        minutes: length of the video.
        size: width and height, in pixels.
        bframes: most frames in a row that refer to later ones.
        keyframe_s: seconds from a keyframe to the next.
        encoded_s: seconds that are encoded.

    Returns:
        The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    short = path.with_name("encoded.mp4")
    _encode(short, encoded_s, size, bframes, keyframe_s)
    rounds = max(1, round(minutes * 60 / encoded_s))
    with av.open(str(path), "w") as target:
        stream = None
        for number in range(rounds):
            with av.open(str(short)) as source:
                video = source.streams.video[0]
                stream = stream or target.add_stream_from_template(video)
                shift = int(number * encoded_s / (video.time_base or 1))
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.dts, packet.pts = packet.dts + shift, packet.pts + shift
                    packet.stream = stream
                    target.mux(packet)
    short.unlink()
    return path


def _encode(path: Path, seconds: int, size: tuple[int, int], bframes: int, keyframe_s: int) -> None:
    width, height = size
    generator = np.random.default_rng(0)
    texture = generator.integers(0, 256, (height // 4, width // 4, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    soft = (texture.astype(np.uint16) + np.roll(texture, 2, 0) + np.roll(texture, 2, 1)) // 3
    noise = generator.normal(0, 3, (8, height, width, 1))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        gop = str(keyframe_s * FPS)
        stream.options = {"preset": "veryfast", "crf": "26", "g": gop, "bf": str(bframes), "threads": "2"}
        for index in range(seconds * FPS):
            image = soft.copy()
            left = index * 4 % (width - 200)
            image[200:500, left : left + 200] = np.roll(soft[200:500, :200], index, axis=0)
            shown = np.clip(image + noise[index % 8], 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
