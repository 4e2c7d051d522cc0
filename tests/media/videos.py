"""Videos in many containers and codecs, with the ways of keeping time that each of them has."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, RATE = 64, 48, 25
_OPEN_GOP = "open-gop=1:keyint=20:min-keyint=20:bframes=3:b-adapt=0:scenecut=0"


@dataclass(frozen=True)
class Video:
    """How a video is made."""

    name: str
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    frames: int = 90
    times_ms: tuple[int, ...] | None = None
    pixel_format: str = "yuv420p"
    rotation: int = 0


def _open_gop(name: str, **more: object) -> Video:
    return Video(name, "libx264", {"x264-params": _OPEN_GOP}, **more)  # type: ignore[arg-type]


_VARIABLE = tuple(i * 40 + (i * i * 7) % 33 + (3000 if i > 50 else 0) for i in range(90))

VIDEOS = [
    Video("closed.mp4", options={"g": "20", "bf": "3"}),
    _open_gop("open.mp4"),
    _open_gop("open.mov", rotation=90),
    _open_gop("open.mkv"),
    _open_gop("open.ts"),
    _open_gop("open.avi"),
    _open_gop("open.flv"),
    _open_gop("variable.mp4", times_ms=_VARIABLE),
    Video("fragmented.mp4", options={"g": "20", "bf": "3"}),
    Video("refresh.mp4", options={"x264-params": "intra-refresh=1:keyint=20"}),
    Video("hevc.mp4", "libx265", {"x265-params": f"{_OPEN_GOP}:log-level=none"}),
    Video("mpeg2.mpg", "mpeg2video", {"g": "15", "bf": "2"}),
    Video("mpeg2.ts", "mpeg2video", {"g": "15", "bf": "2"}),
    Video("mpeg4.avi", "mpeg4", {"g": "15", "bf": "2"}),
    Video("vp9.webm", "libvpx-vp9", {"g": "20", "cpu-used": "8", "deadline": "realtime"}, 60),
    Video("motion.avi", "mjpeg", pixel_format="yuvj420p"),
    Video("image.gif", "gif", pixel_format="rgb8"),
    Video("windows.wmv", "wmv2", {"g": "15"}),
]
INDEXED = frozenset(
    [
        "closed.mp4",
        "open.mp4",
        "open.mov",
        "open.mkv",
        "variable.mp4",
        "fragmented.mp4",
        "refresh.mp4",
        "hevc.mp4",
        "vp9.webm",
    ]
)


def images(count: int, width: int = WIDTH, height: int = HEIGHT) -> list[np.ndarray]:
    """Distinct frames of moving blocks, uint8[height, width, 3]."""
    blocks = np.random.default_rng(1).integers(0, 256, (height // 8, width // 2, 3), dtype=np.uint8)
    backdrop = blocks.repeat(8, 0).repeat(8, 1)[:height]
    return [np.ascontiguousarray(np.roll(backdrop, 2 * index, 1)[:, :width]) for index in range(count)]


def write(video: Video, path: Path) -> Path:
    """Write a video."""
    muxing = {"movflags": "frag_keyframe+empty_moov"} if video.name.startswith("fragmented") else {}
    with av.open(str(path), "w", container_options=muxing) as container:
        stream = container.add_stream(video.codec, rate=RATE, options=video.options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, video.pixel_format
        if video.rotation:
            stream.set_display_rotation(video.rotation)
        base = Fraction(1, 1000) if video.times_ms else Fraction(1, RATE)
        stream.codec_context.time_base = base
        for index, image in enumerate(images(video.frames)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = (video.times_ms[index] if video.times_ms else index), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def joined(name: str, folder: Path, *, back_s: float = 100.0, second: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Write two videos one after the other into one file, the second's clock set back to 0 and perhaps of another size.

    It is what a recorder leaves that started anew; frames are 50 and 40, numbered by brightness from 40 upwards.
    """
    path = folder / name
    form = {"ts": "mpegts", "vob": "vob", "flv": "flv"}[path.suffix[1:]]
    parts = []
    for first, count, offset_s, size in ((0, 50, back_s, (WIDTH, HEIGHT)), (50, 40, 0.0, second)):
        part = folder / f"part-{first}-{name}"
        with av.open(str(part), "w", format=form) as container:
            stream = container.add_stream("libx264", rate=RATE, options={"g": "20", "bf": "2", "qp": "4"})
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for index in range(first, first + count):
                image = np.full((size[1], size[0], 3), 40 + 2 * index, np.uint8)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts = round(1000 * (offset_s + (index - first) / RATE))
                frame.time_base = Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
    flv_header = 13
    path.write_bytes(parts[0] + parts[1][flv_header if form == "flv" else 0 :])
    return path
