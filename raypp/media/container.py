"""Video containers: opening them safely, and what they say of their first video stream that is no cover image."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from raypp.errors import MediaError
from raypp.media.files import SourceStream
from raypp.media.frame import MOST_PIXELS
from raypp.media.orientation import Orientation
from raypp.media.timeline import Unwrapped, mended

# Demuxers that read one file and no other: a playlist dressed up as a video must not open its neighbours.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,gif,ogg,mxf,h264,hevc,m4v,mjpeg,apng,dv"
)
_BUFFER_BYTES = 32 << 10
_DEFAULT_RATE = Fraction(25)
_MOST_RATE = 1000  # a faster one is the rate of the container's clock
_FAR = 1 << 40
_MEASURED_WITHIN_US = 2_000_000
_QUICKTIME_DATE = "com.apple.quicktime.creationdate"
_MATROSKA = "matroska,webm"
PIXEL_LIMIT = {"max_pixels": str(MOST_PIXELS)}
"""Option of a decoder: it refuses larger frames before it makes room for them."""
STRICT = {"err_detect": "explode"}
"""Option of a decoder: it gives up at what it would otherwise conceal, such as a reference that is missing."""
_INDEXED = frozenset(["mov,mp4,m4a,3gp,3g2,mj2", _MATROSKA])
_WRAP_BITS = {"mpegts": 33, "mpeg": 33, "flv": 32}
# FFmpeg takes any time before the first for one past the counter's end; a clock that was set back looks the same to it.
_PLAIN_TIMES = {"correct_ts_overflow": "0"}

av.logging.set_level(None)


@dataclass(frozen=True)
class VideoInfo:
    """Facts that a container states of its first video stream.

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
        mirrored: whether left and right of decoded frames are exchanged before they are turned.
        late_us: how long after the file's first stream (sound, most often) the video begins, in microseconds.
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
    mirrored: bool = False
    late_us: int = 0

    @property
    def orientation(self) -> Orientation:
        """How frames are turned and mirrored to be shown."""
        return Orientation(self.rotation, self.mirrored)


def probe(source: SourceStream) -> VideoInfo:
    """Read what a container says, and decode its first frame.

    Raises:
        MediaError: if it is no video that can be decoded; the text says why.
        SourceReadError: if the source cannot be read.
    """
    with open_video(source) as (container, stream):
        first = _first_frame(container, stream, source)
        orientation = Orientation.of_frame(first)
        width, height = orientation.shown_size(first.width, first.height)
        _load_index(container, stream)
        start = stream.start_time or 0
        entries = list(stream.index_entries)
        digest = hashlib.sha256()
        parameters = (stream.codec_context.name, first.width, first.height, stream.time_base, stream.duration)
        digest.update(repr(parameters).encode())
        for entry in entries:
            digest.update(b"%d %d %d;" % (entry.pos, entry.size, entry.timestamp))
        keyframes = (entry.timestamp for entry in entries if entry.is_keyframe)
        info = VideoInfo(
            codec=stream.codec_context.name,
            width=width,
            height=height,
            rotation=orientation.rotation,
            duration_us=_duration_us(container, stream),
            average_rate=_rate(stream),
            keyframes_us=(
                tuple(max(0, microseconds(ticks - start, stream)) for ticks in keyframes)
                if is_indexed(container)
                else ()
            ),
            creation_time=_creation_time(container, stream),
            fingerprint=digest.digest(),
            mirrored=orientation.mirrored,
            late_us=_late_us(container, stream),
        )
        corrected = _was_corrected(container, stream, info.duration_us)
    return _measured(source, info) if corrected else info


@contextmanager
def open_video(source: SourceStream, *, plain_times: bool = False) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a container on a source and give it with its first video stream; closed at the end.

    Args:
        source: the opened file.
        plain_times: give times as they are stored, not as FFmpeg corrects them where it takes a counter for overflown.

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
            options=PIXEL_LIMIT,  # for the frame that FFmpeg decodes to learn of the stream
            container_options={"format_whitelist": _FORMATS} | (_PLAIN_TIMES if plain_times else {}),
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        source.check()
        raise MediaError(f"no readable video ({error_line(error)}): truncated, or not what its name says") from None
    try:
        if not container.streams.video:
            raise MediaError("holds no video stream, only sound or data; remove it from the sources")
        stream = next((candidate for candidate in container.streams.video if not _is_cover(candidate)), None)
        if stream is None:
            raise MediaError("holds a cover image and no video stream; remove it from the sources")
        if stream.codec_context is None:
            raise MediaError("its video codec is unknown here; convert it to H.264, H.265, VP9 or AV1")
        stream.codec_context.options = PIXEL_LIMIT
        yield container, stream
    finally:
        container.close()


def is_indexed(container: InputContainer) -> bool:
    """Whether the container stores presentation times and an index, so that it can be entered in its middle."""
    return container.format.name in _INDEXED


def unwrapped(container: InputContainer, stream: VideoStream) -> Unwrapped:
    """Return what carries a stream's times on where the container's counter of ticks overflows."""
    return Unwrapped(stream.start_time or 0, _WRAP_BITS.get(container.format.name))


def microseconds(ticks: int, stream: VideoStream) -> int:
    """Turn ticks of a stream's time base into microseconds, rounded, halves to even."""
    base = stream.time_base
    assert base is not None  # noqa: S101 - every demuxed stream has one
    whole, rest = divmod(ticks * base.numerator * 1_000_000, base.denominator)  # several times as fast as fractions
    return whole + (2 * rest > base.denominator or (2 * rest == base.denominator and whole & 1))


def begun_us(container: InputContainer, stream: VideoStream) -> int:
    """How much of the duration that the file says is over when its video begins, in microseconds."""
    if stream.duration or stream.start_time is None:
        return 0  # the duration is the stream's own
    if container.format.name == _MATROSKA:
        return max(0, microseconds(stream.start_time, stream))  # counted from 0, whenever the first stream begins
    return _late_us(container, stream)


def ends_us(container: InputContainer) -> int | None:
    """When the file's last stream ends, in microseconds of its own times; None where it does not say."""
    if not container.duration:
        return None
    if container.format.name == _MATROSKA:
        return container.duration
    return (container.start_time or 0) + container.duration


def error_line(error: BaseException) -> str:
    """Return the text of a library's error, in one line."""
    return (str(getattr(error, "strerror", None) or error) or type(error).__name__).splitlines()[0]


def _first_frame(container: InputContainer, stream: VideoStream, source: SourceStream) -> VideoFrame:
    try:
        for frame in container.decode(stream):
            return frame
    except (av.FFmpegError, OSError, IndexError) as error:
        source.check()
        if isinstance(error, av.ArgumentError) and not stream.codec_context.width:
            raise MediaError(
                f"its first frame has more than {MOST_PIXELS:,} pixels, or is damaged; scale the video down first"
            ) from None
        raise MediaError(f"its first frame cannot be decoded ({error_line(error)}); the file is damaged") from None
    source.check()
    raise MediaError("holds a video stream without a single frame; the file is truncated or was never finished")


def _load_index(container: InputContainer, stream: VideoStream) -> None:
    """Matroska keeps its index at the end and reads it at the first seek."""
    if container.format.name == _MATROSKA:
        try:
            container.seek(_FAR, stream=stream)
        except av.FFmpegError:
            return  # it has none, and will be read from its start


def _is_cover(stream: Stream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _rate(stream: VideoStream) -> Fraction:
    rates = (rate for rate in (stream.average_rate, stream.guessed_rate) if rate and rate <= _MOST_RATE)
    return next(rates, _DEFAULT_RATE)


def _creation_time(container: InputContainer, stream: VideoStream) -> str | None:
    """QuickTime's creation date has the camera's zone; creation_time may be when the file was copied or cut."""
    captured = container.metadata.get(_QUICKTIME_DATE)
    return captured or stream.metadata.get("creation_time") or container.metadata.get("creation_time")


def _late_us(container: InputContainer, stream: VideoStream) -> int:
    starts_us = {
        candidate.index: round(candidate.start_time * candidate.time_base * 1_000_000)
        for candidate in (*container.streams.audio, *container.streams.video)
        if candidate.start_time is not None and candidate.time_base is not None and not _is_cover(candidate)
    }
    if stream.index not in starts_us:
        return 0
    earliest_us = min(starts_us.values())
    # What lies before 0 in a container with an index is a decoder's lead-in, which nobody hears.
    return starts_us[stream.index] - (max(0, earliest_us) if is_indexed(container) else earliest_us)


def _was_corrected(container: InputContainer, stream: VideoStream, duration_us: int) -> bool:
    """Whether FFmpeg has taken the container's counter of ticks for overflown."""
    bits = _WRAP_BITS.get(container.format.name)
    if bits is None or stream.start_time is None or stream.time_base is None:
        return False
    return stream.start_time < 0 or stream.start_time + duration_us / (stream.time_base * 1_000_000) > 1 << bits


def _measured(source: SourceStream, info: VideoInfo) -> VideoInfo:
    """Measure the duration on the packets: FFmpeg's may be hours too long where a clock was only set back."""
    with open_video(source, plain_times=True) as (container, stream):
        rate = _rate(stream)
        interval_us = round(1_000_000 / rate)
        end_us = 0
        for _, timestamp_us in mended(_packet_times(container, stream), interval_us):
            end_us = timestamp_us + interval_us
    source.check()
    if abs(end_us - info.duration_us) <= _MEASURED_WITHIN_US:
        return info
    return replace(info, duration_us=end_us, average_rate=rate)


def _packet_times(container: InputContainer, stream: VideoStream) -> Iterator[tuple[None, int | None]]:
    carried = unwrapped(container, stream)
    start = stream.start_time or 0
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield None, None if packet.dts is None else microseconds(carried(packet.dts) - start, stream)
    except (av.FFmpegError, OSError, IndexError):
        return  # as in decoding: what cannot be read is left out


def _duration_us(container: InputContainer, stream: VideoStream) -> int:
    if stream.duration:
        return microseconds(stream.duration, stream)
    return int(container.duration or 0)
