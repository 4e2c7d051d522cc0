"""Video containers: opening them safely, and what they say of their first video stream."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from raypp.errors import MediaError
from raypp.media.files import SourceStream

# Demuxers that read one file and no other: a playlist dressed up as a video must not open its neighbours.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,gif,ogg,mxf,h264,hevc,m4v,mjpeg,apng,dv"
)
_BUFFER_BYTES = 32 << 10
_DEFAULT_RATE = Fraction(25)
_FAR = 1 << 40
_MATROSKA = "matroska,webm"
_INDEXED = frozenset(["mov,mp4,m4a,3gp,3g2,mj2", _MATROSKA])

av.logging.set_level(None)


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its first video stream.

    Attributes:
        codec: name of the codec.
        width, height: size of a frame as shown, after rotation, in pixels.
        rotation: degrees by which decoded frames are turned counter-clockwise to be shown; a multiple of 90.
        duration_us: presentation time covered, in microseconds.
        average_rate: nominal frames per second.
        keyframes_us: decoding times of the keyframes at which the stream can be entered; empty where the container has
            no index to be trusted, so that it can only be read from its start.
        creation_time: the container's own word on when it was made, or None.
        fingerprint: SHA-256 over stream parameters and index; use it only inside a keyed hash.
    """

    codec: str
    width: int
    height: int
    rotation: int
    duration_us: int
    average_rate: Fraction
    keyframes_us: tuple[int, ...]
    creation_time: str | None
    fingerprint: bytes


def probe(source: SourceStream) -> VideoInfo:
    """Read what a container says, and decode its first frame.

    Raises:
        MediaError: if it is no video that can be decoded; the text says why.
        SourceReadError: if the source cannot be read.
    """
    with open_video(source) as (container, stream):
        first = _first_frame(container, stream, source)
        rotation = round(first.rotation / 90) * 90 % 360
        width, height = (first.height, first.width) if rotation % 180 else (first.width, first.height)
        _load_index(container, stream)
        start = stream.start_time or 0
        entries = list(stream.index_entries)
        digest = hashlib.sha256()
        parameters = (stream.codec_context.name, first.width, first.height, stream.time_base, stream.duration)
        digest.update(repr(parameters).encode())
        for entry in entries:
            digest.update(b"%d %d %d;" % (entry.pos, entry.size, entry.timestamp))
        keyframes = (entry.timestamp for entry in entries if entry.is_keyframe)
        return VideoInfo(
            codec=stream.codec_context.name,
            width=width,
            height=height,
            rotation=rotation,
            duration_us=_duration_us(container, stream),
            average_rate=stream.average_rate or stream.guessed_rate or _DEFAULT_RATE,
            keyframes_us=(
                tuple(max(0, microseconds(ticks - start, stream)) for ticks in keyframes)
                if is_indexed(container)
                else ()
            ),
            creation_time=stream.metadata.get("creation_time") or container.metadata.get("creation_time"),
            fingerprint=digest.digest(),
        )


@contextmanager
def open_video(source: SourceStream) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a container on a source and give it with its first video stream; closed at the end.

    Raises:
        MediaError: if it holds no video stream that can be decoded.
        SourceReadError: if the source cannot be read.
    """
    source.seek(0)
    if source.size == 0:
        raise MediaError("the file is empty; copy it again or remove it")
    try:
        container: InputContainer = av.open(
            source,
            "r",
            buffer_size=_BUFFER_BYTES,
            metadata_errors="replace",
            container_options={"format_whitelist": _FORMATS},
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        source.check()
        raise MediaError(f"no readable video ({said(error)}): truncated, or not what its name says") from None
    try:
        if not container.streams.video:
            raise MediaError("holds no video stream, only sound or data; remove it from the sources")
        stream = container.streams.video[0]
        if stream.codec_context is None:
            raise MediaError("its video codec is unknown here; convert it to H.264, H.265, VP9 or AV1")
        yield container, stream
    finally:
        container.close()


def is_indexed(container: InputContainer) -> bool:
    """Whether the container stores presentation times and an index, so that it can be entered in its middle."""
    return container.format.name in _INDEXED


def microseconds(ticks: int, stream: VideoStream) -> int:
    """Turn ticks of a stream's time base into microseconds."""
    assert stream.time_base is not None  # noqa: S101 - every demuxed stream has one
    return round(ticks * stream.time_base * 1_000_000)


def said(error: BaseException) -> str:
    """What a library's error says, in one line."""
    return (str(getattr(error, "strerror", None) or error) or type(error).__name__).splitlines()[0]


def _first_frame(container: InputContainer, stream: VideoStream, source: SourceStream) -> VideoFrame:
    try:
        for frame in container.decode(stream):
            return frame
    except (av.FFmpegError, OSError, IndexError) as error:
        source.check()
        raise MediaError(f"its first frame cannot be decoded ({said(error)}); the file is damaged") from None
    source.check()
    raise MediaError("holds a video stream without a single frame; the file is truncated or was never finished")


def _load_index(container: InputContainer, stream: VideoStream) -> None:
    """Matroska keeps its index at the end and reads it at the first seek."""
    if container.format.name == _MATROSKA:
        try:
            container.seek(_FAR, stream=stream)
        except av.FFmpegError:
            return  # it has none, and will be read from its start


def _duration_us(container: InputContainer, stream: VideoStream) -> int:
    if stream.duration:
        return microseconds(stream.duration, stream)
    return int(container.duration or 0)
