"""Videos: what the container says, where to cut, and the sampled frames of any stretch of presentation time."""

import hashlib
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from raypp.errors import MediaError
from raypp.media.files import SourceStream
from raypp.media.frame import PADDING, Frame
from raypp.media.geometry import Letterbox
from raypp.media.masks import Mask

_BUFFER_BYTES = 32 << 10
_REORDER_FRAMES = 4  # a keyframe is shown at most about this many frames after its index entry's decoding time
_UNCUT = {"gif", "apng", "webp"}  # their demuxers cannot seek
_END_US = 1 << 62
_DEFAULT_RATE = Fraction(25)

av.logging.set_level(None)


class SamplingMode(StrEnum):
    """Which frames of a video are taken."""

    EVERY = "every"
    RATE = "rate"
    KEYFRAMES = "keyframes"


@dataclass(frozen=True)
class Sampling:
    """A sampling mode and, for RATE, the frames per second."""

    mode: SamplingMode
    rate: Fraction | None = None


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its first video stream.

    Attributes:
        codec: name of the codec.
        width, height: size of a frame as shown, after rotation, in pixels.
        rotation: degrees by which decoded frames are turned counter-clockwise to be shown; a multiple of 90.
        duration_us: presentation time covered, in microseconds.
        average_rate: nominal frames per second.
        keyframes_us: decoding times of keyframes by the container's index; empty where it has none.
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


@dataclass
class DecodeReport:
    """What happened while decoding: frames decoded, damaged packets or a missing end, last presentation time."""

    decoded: int = 0
    damaged: int = 0
    last_us: int | None = None


def probe(source: SourceStream) -> VideoInfo:
    """Read what a container says, and decode its first frame.

    Raises:
        MediaError: if it is no video that can be decoded; the text says why.
    """
    with _open(source) as (container, stream):
        first = _first_frame(container, stream)
        rotation = round(first.rotation / 90) * 90 % 360
        width, height = (first.height, first.width) if rotation % 180 else (first.width, first.height)
        start = stream.start_time or 0
        entries = list(stream.index_entries)
        digest = hashlib.sha256()
        parameters = (stream.codec_context.name, first.width, first.height, stream.time_base, stream.duration)
        digest.update(repr(parameters).encode())
        for entry in entries:
            digest.update(b"%d %d %d;" % (entry.pos, entry.size, entry.timestamp))
        return VideoInfo(
            codec=stream.codec_context.name,
            width=width,
            height=height,
            rotation=rotation,
            duration_us=_duration_us(container, stream),
            average_rate=stream.average_rate or stream.guessed_rate or _DEFAULT_RATE,
            keyframes_us=tuple(
                max(0, _microseconds(entry.timestamp - start, stream)) for entry in entries if entry.is_keyframe
            ),
            creation_time=stream.metadata.get("creation_time") or container.metadata.get("creation_time"),
            fingerprint=digest.digest(),
        )


def cut_points(info: VideoInfo, sampling: Sampling, target_us: int) -> tuple[int, ...]:
    """Cut a video into stretches of about `target_us` of presentation time.

    Cuts lie just after keyframes where the index knows them, so that little is decoded twice, and on the sampling grid
    where there is one, so that each sampled frame belongs to exactly one stretch.

    Returns:
        Boundaries in microseconds, from 0 to past any frame; a pure function of the arguments.
    """
    cuts = [0]
    reorder_us = int(_REORDER_FRAMES * 1_000_000 / info.average_rate)
    wanted = target_us
    while info.codec not in _UNCUT and wanted + target_us // 2 <= info.duration_us:
        cut = wanted
        if info.keyframes_us:
            after = bisect_left(info.keyframes_us, wanted)
            if after == len(info.keyframes_us):
                break
            cut = info.keyframes_us[after] + reorder_us
        if sampling.rate is not None:
            tick = -(-cut * sampling.rate.numerator // (sampling.rate.denominator * 1_000_000))
            cut = _tick_start(tick, sampling.rate)
        if cut >= info.duration_us:
            break
        cuts.append(cut)
        wanted = cut + target_us
    return (*cuts, _END_US)


def decode(
    source: SourceStream,
    info: VideoInfo,
    start_us: int,
    end_us: int,
    sampling: Sampling,
    letterbox: Letterbox,
    mask: Mask | None,
    *,
    report: DecodeReport,
    threads: int = 1,
) -> Iterator[Frame]:
    """Decode the sampled frames with start_us <= presentation time < end_us.

    The decoder starts at a keyframe before the stretch and goes on past its end until a frame beyond comes out, so
    frames of open groups of pictures are right and any cutting gives the same frames.

    Args:
        source: the opened file.
        info: what `probe` said of it.
        start_us: begin of the stretch, in microseconds since the stream's start.
        end_us: its end, not included.
        sampling: which frames to take; at a rate, the first frame of each tick.
        letterbox: where the frame goes; of the source size after rotation.
        mask: privacy mask to paint, or None.
        report: counts what was decoded and what was damaged.
        threads: decoder threads.

    Raises:
        MediaError: if the file cannot be opened or a frame has no presentation time.
    """
    with _open(source) as (container, stream):
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = "AUTO" if threads > 1 else "NONE"
        if sampling.mode is SamplingMode.KEYFRAMES:
            stream.codec_context.skip_frame = "NONKEY"
        render = _Renderer(letterbox, info.rotation, mask)
        last_tick = -1
        for frame, timestamp_us in _frames_from(container, stream, start_us, report):
            if timestamp_us >= end_us:
                return
            if timestamp_us < start_us:
                continue
            if sampling.rate is not None:
                tick = timestamp_us * sampling.rate.numerator // (sampling.rate.denominator * 1_000_000)
                if tick <= last_tick:
                    continue
                last_tick = index = tick
            else:
                index = round(timestamp_us * info.average_rate / 1_000_000)
            yield Frame(render(frame), timestamp_us, index, letterbox.source_width, letterbox.source_height)
        if sampling.mode is not SamplingMode.KEYFRAMES:
            _check_end(info, min(end_us, info.duration_us), report)


class _Renderer:
    """Turns decoded frames into windows: scaled, rotated, padded, masked."""

    def __init__(self, letterbox: Letterbox, rotation: int, mask: Mask | None) -> None:
        self._letterbox = letterbox
        self._turns = rotation // 90
        self._mask = mask
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> npt.NDArray[np.uint8]:
        box = self._letterbox
        width, height = box.content_width, box.content_height
        if self._turns % 2:
            width, height = height, width
        picture = self._reformatter.reformat(frame, width, height, "rgb24", interpolation="AREA")
        scaled = picture.to_ndarray().astype(np.uint8, copy=False)
        turned = np.rot90(scaled, self._turns) if self._turns else scaled
        if turned.shape[:2] == (box.window_height, box.window_width):
            pixels = np.ascontiguousarray(turned)
        else:
            pixels = np.full((box.window_height, box.window_width, 3), PADDING, dtype=np.uint8)
            pixels[: turned.shape[0], : turned.shape[1]] = turned
        if self._mask is not None:
            self._mask.paint(pixels, box.content_width, box.content_height)
        return pixels


class _open:  # noqa: N801 - used as a function
    """Open a container on a source and give it with its first video stream; closes it at the end."""

    def __init__(self, source: SourceStream) -> None:
        self._source = source

    def __enter__(self) -> tuple[InputContainer, VideoStream]:
        self._source.seek(0)
        if self._source.size == 0:
            raise MediaError("the file is empty; copy it again or remove it")
        try:
            self._container: InputContainer = av.open(
                self._source, "r", buffer_size=_BUFFER_BYTES, metadata_errors="replace"
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise MediaError(f"no readable video ({_said(error)}): truncated, or not what its name says") from None
        if not self._container.streams.video:
            self._container.close()
            raise MediaError("holds no video stream, only sound or data; remove it from the sources")
        return self._container, self._container.streams.video[0]

    def __exit__(self, *_: object) -> None:
        self._container.close()


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    try:
        for frame in container.decode(stream):
            return frame
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"its first frame cannot be decoded ({_said(error)}); the file is damaged") from None
    raise MediaError("holds a video stream without a single frame; the file is truncated or was never finished")


def _frames_from(
    container: InputContainer, stream: VideoStream, start_us: int, report: DecodeReport
) -> Iterator[tuple[VideoFrame, int]]:
    """Decode from a keyframe whose presentation is not after `start_us`, to the end.

    Containers seek by decoding time, which may land on a keyframe shown later than asked; then the seek is tried again
    further back, in the end from the very start.
    """
    back_us = 0
    while True:
        begin_us = start_us - back_us
        if start_us > 0:
            _seek(container, stream, max(begin_us, 0))
        frames = _decoded(container, stream, report)
        first = next(frames, None)
        if first is None and begin_us <= 0:
            return
        if first is not None and (first[1] <= start_us or begin_us <= 0):
            break
        back_us = max(2 * back_us, 1_000_000)
    yield first
    yield from frames


def _seek(container: InputContainer, stream: VideoStream, begin_us: int) -> None:
    assert stream.time_base is not None  # noqa: S101 - every demuxed stream has one
    target = (stream.start_time or 0) + int(Fraction(begin_us, 1_000_000) / stream.time_base)
    try:
        container.seek(target, stream=stream, backward=True)
    except av.FFmpegError as error:
        raise MediaError(
            f"cannot seek to {begin_us / 1e6:.1f} s ({_said(error)}); the file's index is damaged"
        ) from None


def _decoded(container: InputContainer, stream: VideoStream, report: DecodeReport) -> Iterator[tuple[VideoFrame, int]]:
    """Decode packets one by one, so that a damaged one costs itself and not the rest."""
    start = stream.start_time or 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = packet.decode() if packet is not None else []
        except av.EOFError:
            return
        except (av.FFmpegError, OSError):
            report.damaged += 1
            if report.damaged > report.decoded + 1000:
                return  # nothing but damage
            continue
        if packet is None:
            return
        for frame in frames:
            if frame.pts is None:
                raise MediaError("a frame has no presentation time; remux the file into mp4 or mkv")
            timestamp_us = _microseconds(frame.pts - start, stream)
            if report.last_us is None or timestamp_us > report.last_us:
                report.decoded += 1
                report.last_us = timestamp_us
            yield frame, timestamp_us


def _check_end(info: VideoInfo, expected_us: int, report: DecodeReport) -> None:
    """Count a stream that ends well before its container says as damaged."""
    slack_us = 1_000_000 + int(2_000_000 / info.average_rate)
    if (report.last_us or 0) + slack_us < expected_us:
        report.damaged += 1


def _microseconds(ticks: int, stream: VideoStream) -> int:
    assert stream.time_base is not None  # noqa: S101
    return round(ticks * stream.time_base * 1_000_000)


def _tick_start(tick: int, rate: Fraction) -> int:
    """First whole microsecond that belongs to a sampling tick."""
    return -(-tick * 1_000_000 * rate.denominator // rate.numerator)


def _duration_us(container: InputContainer, stream: VideoStream) -> int:
    if stream.duration:
        return _microseconds(stream.duration, stream)
    return int(container.duration or 0)


def _said(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error).splitlines()[0]
