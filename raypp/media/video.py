"""The sampled frames of any stretch of a video's presentation time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from typing import TypeVar

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from raypp.errors import MediaError
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import (
    PIXEL_LIMIT,
    STRICT,
    VideoInfo,
    begun_us,
    error_line,
    is_indexed,
    microseconds,
    open_video,
    unwrapped,
)
from raypp.media.ending import ends_early, goes_on
from raypp.media.files import SourceStream
from raypp.media.frame import Frame
from raypp.media.masks import Mask
from raypp.media.needed import NeededPackets, UnclearStreamError
from raypp.media.rendering import Windows
from raypp.media.sampling import Sampling, SamplingMode
from raypp.media.timeline import DecodeReport, checked, mended, sorted_times

_MOST_DAMAGED = 1000
_CODED_ORDER = "avi"  # the container that numbers frames as they are coded

_Untimed = Iterator[tuple[VideoFrame, int | None]]
_Timed = Iterator[tuple[VideoFrame, int]]
_Made = TypeVar("_Made")


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
) -> Iterator[Frame]:
    """Decode the sampled frames with start_us <= presentation time < end_us.

    The decoder enters at a keyframe shown before the stretch, or at its begin, and goes on past its end until a frame
    beyond comes out, so frames of open groups of images are right, and any cutting (on sampling ticks, where there is
    a rate) gives the same frames. Only a container with an index can be entered anywhere but at its start.

    Args:
        source: the opened file.
        info: what `probe` returned for it.
        start_us: begin of the stretch, in microseconds since the stream's start.
        end_us: its end, not included.
        sampling: which frames to take; at a rate, the first frame of each tick.
        letterbox: where the frame goes; of the source size as shown. Frames of another size, where a stream changes
            it midway, go into a letterbox of their own in a square of the same side.
        mask: privacy mask to paint, or None.
        report: counts what was decoded and what was damaged.

    Raises:
        MediaError: if the file cannot be opened or a frame has no presentation time.
        SourceReadError: if the source cannot be read.
    """
    windows = Windows(letterbox, info.orientation, mask)

    def make(frame: VideoFrame, timestamp_us: int, index: int) -> Frame:
        render = windows.of(frame)
        box = render.letterbox
        return Frame(render(frame), timestamp_us, index, box.source_width, box.source_height)

    yield from decode_as(source, info, start_us, end_us, sampling, make, report=report)


def decode_as(
    source: SourceStream,
    info: VideoInfo,
    start_us: int,
    end_us: int,
    sampling: Sampling,
    make: Callable[[VideoFrame, int, int], _Made],
    *,
    report: DecodeReport,
) -> Iterator[_Made]:
    """Decode the sampled frames of a stretch, as `decode` does, and make something of each.

    Args:
        source: the opened file.
        info: what `probe` returned for it.
        start_us: begin of the stretch, in microseconds since the stream's start.
        end_us: its end, not included.
        sampling: which frames to take.
        make: is given each frame as decoded, its presentation time in microseconds, and its number.
        report: counts what was decoded and what was damaged.

    Raises:
        MediaError: if the file cannot be opened or a frame has no presentation time.
        SourceReadError: if the source cannot be read.
    """
    before = replace(report)
    sampled = _Sampled(info, sampling, start_us, end_us)
    try:
        yield from _decode(source, info, sampled, make, report, leave_out=sampling.rate is not None)
    except UnclearStreamError:
        report.decoded, report.damaged, report.end_us = before.decoded, before.damaged, before.end_us
    else:
        return
    yield from _decode(source, info, sampled, make, report, leave_out=False)


def _decode(
    source: SourceStream,
    info: VideoInfo,
    sampled: "_Sampled",
    make: Callable[[VideoFrame, int, int], _Made],
    report: DecodeReport,
    *,
    leave_out: bool,
) -> Iterator[_Made]:
    """Decode in one pass; with `leave_out`, raise UnclearStreamError where frames cannot be left out for sure."""
    with open_video(source, plain_times=True) as (container, stream):
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        sampling, stretch = sampled.sampling, (sampled.start_us, sampled.end_us)
        needed = NeededPackets.of(container, stream, sampling, *stretch) if leave_out else None
        if needed is not None:
            stream.codec_context.options = PIXEL_LIMIT | STRICT
        passes = _Passes(source, container, stream, info, sampling, report, needed)
        for frame, timestamp_us, index in sampled.of(passes.from_time(sampled.start_us)):
            yield make(frame, timestamp_us, index)
        if sampled.is_over:
            return
        source.check()
        expected_us = min(sampled.end_us, info.duration_us - begun_us(container, stream))
        if sampling.mode is not SamplingMode.KEYFRAMES and ends_early(info, expected_us, report):
            report.damaged += not goes_on(container, source)


class _Sampled:
    """Takes the frames of a stretch that a sampling asks for, those of a tick once even if it sees them again.

    Attributes:
        is_over: whether a frame past the stretch has come.
    """

    def __init__(self, info: VideoInfo, sampling: Sampling, start_us: int, end_us: int) -> None:
        self.sampling = sampling
        self.start_us, self.end_us = start_us, end_us
        self.is_over = False
        self._average_rate = info.average_rate
        self._last_tick = -1

    def of(self, frames: _Timed) -> Iterator[tuple[VideoFrame, int, int]]:
        """Give frames with their times and numbers."""
        for frame, timestamp_us in frames:
            if timestamp_us >= self.end_us:
                self.is_over = True
                return
            if timestamp_us < self.start_us:
                continue
            if self.sampling.rate is not None:
                index = self.sampling.tick(timestamp_us)
                if index <= self._last_tick:
                    continue
                self._last_tick = index
            else:
                index = round(timestamp_us * self._average_rate / 1_000_000)
            yield frame, timestamp_us, index


def presentation_times(source: SourceStream, info: VideoInfo) -> tuple[int, ...]:
    """Return the presentation times of all frames, in order, in microseconds: those that `decode` gives.

    Every frame is decoded for it, since a container's own list of times may hold frames that are never shown.

    Args:
        source: the opened file.
        info: what `probe` returned for it.

    Raises:
        MediaError: if the file cannot be opened or a frame has no presentation time.
        SourceReadError: if the source cannot be read.
    """
    with open_video(source) as (container, stream):
        passes = _Passes(source, container, stream, info, Sampling(SamplingMode.EVERY), DecodeReport())
        times = tuple(timestamp_us for _, timestamp_us in passes.from_time(0))
        source.check()
        return times


class _Passes:
    """Reads an opened stream, from its start or from a keyframe before a given time."""

    def __init__(
        self,
        source: SourceStream,
        container: InputContainer,
        stream: VideoStream,
        info: VideoInfo,
        sampling: Sampling,
        report: DecodeReport,
        needed: NeededPackets | None = None,
    ) -> None:
        self._source = source
        self._needed = needed
        self._container = container
        self._stream = stream
        self._interval_us = round(1_000_000 / info.average_rate)
        self._keyframes = sampling.mode is SamplingMode.KEYFRAMES
        self._report = report
        self._coded_order = container.format.name == _CODED_ORDER
        self._key_ticks: set[int | None] = set()  # of keyframes, where times are known only once all are sorted

    def from_time(self, start_us: int) -> _Timed:
        """Give all frames from one shown at or before `start_us` on, and perhaps earlier ones.

        Containers are sought by decoding time, which may lead to a keyframe shown later than asked, and frames shown
        before that keyframe lack what they were predicted from. So the first keyframe that comes out must be shown no
        later than the time asked for; if it is, the search begins again further back, in the end at the very start.
        """
        if start_us <= 0 or not is_indexed(self._container):
            yield from self._timed(self._decoded())
            return
        back_us = 0
        while back_us < start_us:
            self._report.damaged = 0
            self._seek(start_us - back_us)
            frames = self._timed(_from_keyframe(self._decoded()))
            first = next(frames, None)
            if first is not None and first[1] <= start_us:
                yield from chain([first], frames)
                return
            back_us = max(2 * back_us, 1_000_000)
        self._report.damaged = 0
        self._seek(0)
        yield from self._timed(self._decoded())

    def _timed(self, frames: _Untimed) -> _Timed:
        for frame, timestamp_us in self._rising(frames):
            end_us = timestamp_us + microseconds(frame.duration or 0, self._stream)
            self._report.end_us = max(end_us, self._report.end_us or 0)
            if not self._keyframes or not self._coded_order or frame.pts in self._key_ticks:
                yield frame, timestamp_us

    def _rising(self, frames: _Untimed) -> _Timed:
        if is_indexed(self._container):
            return checked(frames, self._report)
        if self._coded_order:
            frames = sorted_times(frames)
        return mended(frames, self._interval_us)

    def _seek(self, begin_us: int) -> None:
        if self._needed is not None:
            self._needed.begin()
        assert self._stream.time_base is not None  # noqa: S101 - every demuxed stream has one
        earliest = min([0, *(entry.timestamp for entry in self._stream.index_entries[:1])])
        ticks = int(Fraction(begin_us, 1_000_000) / self._stream.time_base)
        target = (self._stream.start_time or 0) + ticks if begin_us > 0 else earliest
        try:
            self._container.seek(target, stream=self._stream, backward=True)
        except av.FFmpegError as error:
            self._source.check()
            raise MediaError(
                f"cannot seek to {begin_us / 1e6:.1f} s ({error_line(error)}); the file's index is damaged"
            ) from None

    def _decoded(self) -> _Untimed:
        """Decode packets one by one, so that a damaged one costs itself and not the rest."""
        start = self._stream.start_time
        carried = unwrapped(self._container, self._stream)
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
                frames = self._frames_of(packet) if packet is not None else []
            except (av.EOFError, IndexError):
                self._end()
                return  # PyAV raises IndexError where streams came up on the way, once ours has been read to its end
            except (av.FFmpegError, OSError):
                self._source.check()
                if self._needed is not None:
                    raise UnclearStreamError from None
                self._report.damaged += 1
                if self._report.damaged > self._report.decoded + _MOST_DAMAGED:
                    return  # nothing but damage
                continue
            if packet is None:
                self._end()
                return
            self._report.decoded += len(frames)
            if self._needed is not None:
                frames = [sure for frame in frames for sure in self._needed.came_out(frame)]
            for frame in frames:
                if start is None:
                    start = frame.pts  # a bare stream, whose times are numbers of frames
                yield (
                    frame,
                    None if frame.pts is None else microseconds(carried(frame.pts) - (start or 0), self._stream),
                )

    def _end(self) -> None:
        if self._needed is not None:
            self._report.end_us = max(self._needed.ended_us(), self._report.end_us or 0)

    def _frames_of(self, packet: "Packet[VideoStream]") -> list[VideoFrame]:
        if self._needed is not None:
            return [frame for chosen in self._needed.choose(packet) for frame in _decoded_of(chosen)]
        if self._coded_order:
            packet.pts = packet.dts  # FFmpeg guesses the time of showing, later by as many frames as may be reordered
            if packet.is_keyframe:
                self._key_ticks.add(packet.dts)
        if not self._keyframes or self._coded_order:
            return _decoded_of(packet)
        if not packet.is_keyframe or not packet.size:
            return []
        # A keyframe needs no other packet; by itself it comes out at once, whatever leads or follows it.
        codec = self._stream.codec_context
        frames = [*codec.decode(packet), *codec.decode(None)]
        codec.flush_buffers()
        return frames


def _decoded_of(packet: "Packet[VideoStream]") -> list[VideoFrame]:
    return [frame for frame in packet.decode() if isinstance(frame, VideoFrame)]


def _from_keyframe(frames: _Untimed) -> _Untimed:
    """Leave out what comes before the first keyframe."""
    for frame, timestamp_us in frames:
        if frame.key_frame or frame.pict_type == PictureType.I:
            yield frame, timestamp_us
            break
    yield from frames
