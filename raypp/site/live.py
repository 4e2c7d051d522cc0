"""Capturing a live camera: frames as they come, by the site's clock; time without any is simply not observed."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, time_ns

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from raypp.errors import SourceReadError
from raypp.media.container import said
from raypp.media.rendering import Renderer
from raypp.site.capture_job import CaptureJob, Remembered, Said, Shape
from raypp.site.position import Position
from raypp.site.reporting import Reporter
from raypp.site.sources import shown
from raypp.site.studio import Studio

_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_REMEMBER_EVERY_S = 30.0
_STALE_S = 2.0
_MOST_DAMAGED = 100


class RisingClock:
    """The site's clock, in microseconds since 1970, that never runs back: where the real one does, it goes on alone.

    Args:
        last_us: the last time given before, which the next ones must be above.
    """

    def __init__(self, last_us: int) -> None:
        self._last_us = last_us
        self._last_at = monotonic()
        self.behind_us = 0

    def now_us(self) -> int:
        """Return the time; `behind_us` is how far the site's clock lies behind it."""
        wall_us, at = time_ns() // 1000, monotonic()
        passed_us = max(1, int((at - self._last_at) * 1e6))
        now_us = wall_us if wall_us > self._last_us else self._last_us + passed_us
        self.behind_us = now_us - wall_us
        self._last_us, self._last_at = now_us, at
        return now_us


class LiveCapture:
    """Captures one live source for ever, opening it again when it fails."""

    def __init__(self, job: CaptureJob, studio: Studio, reporter: Reporter) -> None:
        self._job = job
        self._studio = studio
        self._reporter = reporter
        self._source = job.sources[0]
        self._clock = RisingClock(job.position.last_us)
        self._position = job.position
        self._shape: tuple[int, int] | None = None
        self._render: Renderer | None = None
        self._due = 0.0
        self._remembered = monotonic()
        self._told_clock = False

    def run(self) -> None:
        """Capture until StopCaptureError is raised."""
        retry_s = _FIRST_RETRY_S
        while True:
            frames = 0
            try:
                for frame in self._frames():
                    frames += 1
                    self._take(frame)
                reason = "it ended"
            except SourceReadError as error:
                reason = str(error)
            self._reporter.flush()
            retry_s = _FIRST_RETRY_S if frames else min(2 * retry_s, _LONGEST_RETRY_S)
            self._reporter.tell(Said(f"{shown(self._source)}: {reason}; opened again in {retry_s:.0f} s"))
            self._reporter.sleep(retry_s)

    def _frames(self) -> Iterator[VideoFrame]:
        """Decode what comes; raises SourceReadError."""
        damaged = 0
        with open_live(self._source, self._job.open_timeout_s) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                    if packet is None:
                        return
                    frames = packet.decode()
                    damaged = 0
                except (av.FFmpegError, OSError) as error:
                    damaged += 1
                    if not isinstance(error, av.InvalidDataError) or damaged > _MOST_DAMAGED:
                        raise SourceReadError(said(error)) from None
                    continue
                self._reporter.alive()
                yield from (frame for frame in frames if isinstance(frame, VideoFrame))
                if self._reporter.waited_s > _STALE_S:
                    self._reporter.waited_s = 0.0
                    raise SourceReadError("the spool was full, and what waited meanwhile is out of date")

    def _take(self, frame: VideoFrame) -> None:
        now = monotonic()
        if self._job.rate is not None:
            if now < self._due:
                return
            period_s = float(1 / self._job.rate)
            self._due = self._due + period_s if self._due + period_s > now else now + period_s
        timestamp_us = self._clock.now_us()
        self._tell_clock()
        pixels = self._renderer(frame)(frame)
        captured = self._studio.capture(pixels, self._position.last_index + 1, timestamp_us)
        self._position = Position(last_index=captured.frame_index, last_us=timestamp_us)
        self._reporter.frame(captured, self._position)
        if now - self._remembered >= _REMEMBER_EVERY_S and (memory := self._studio.memory()) is not None:
            self._remembered = now
            self._reporter.tell(Remembered(memory))

    def _renderer(self, frame: VideoFrame) -> Renderer:
        shape = frame.width, frame.height
        if self._render is None or shape != self._shape:
            rotation = round(frame.rotation / 90) * 90 % 360
            width, height = (frame.height, frame.width) if rotation % 180 else shape
            box = self._studio.letterbox(width, height)
            self._reporter.flush()
            self._reporter.tell(Shape(width, height, self._studio.sub_key))
            self._studio.begin(box, self._job.memory if self._shape is None else None)
            self._render, self._shape = Renderer(box, rotation, self._studio.mask), shape
        return self._render

    def _tell_clock(self) -> None:
        far = self._clock.behind_us > 1_000_000
        if far and not self._told_clock:
            behind_s = self._clock.behind_us / 1e6
            self._reporter.tell(Said(f"the site's clock was set back by {behind_s:.0f} s; time goes on without it"))
        self._told_clock = far


@contextmanager
def open_live(source: str, timeout_s: float) -> Iterator[InputContainer]:
    """Open a live source with at least one video stream.

    Raises:
        SourceReadError: if it cannot be opened within the time; the text holds no password.
    """
    device = source.startswith("/dev/")
    options = {"rtsp_transport": "tcp"} if source.lower().startswith("rtsp") else {}
    try:
        container = av.open(
            source,
            "r",
            format="v4l2" if device else None,
            options=options,
            timeout=None if device else (timeout_s, timeout_s),
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceReadError(f"cannot be opened ({said(error)})") from None
    try:
        if not container.streams.video:
            raise SourceReadError("holds no video stream")
        yield container
    finally:
        container.close()
