"""Capturing a live camera: frames as they come, by the site's clock; time without any is simply not observed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, time_ns

import av
from av.container import InputContainer
from av.video.frame import VideoFrame

from raypp.edge.capture.clock import AHEAD_LASTS_US, ClockState, ClockStep, as_utc, read_clock
from raypp.edge.capture.frame_encoder import FrameEncoder
from raypp.edge.capture.job import CaptureJob, ClockChanged, LogLine, Remembered, SourceShape
from raypp.edge.capture.live_packets import LivePackets
from raypp.edge.capture.position import Position
from raypp.edge.capture.reporting import CaptureReporter
from raypp.errors import SourceReadError
from raypp.io.backoff import Backoff
from raypp.media.container import PIXEL_LIMIT, error_line
from raypp.media.orientation import Orientation
from raypp.text.address import has_unclear_password, redacted_camera

_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 30.0
_REMEMBER_EVERY_S = 30.0
_STALE_S = 2.0
_MOST_DAMAGED = 100


class RisingClock:
    """The site's clock, in microseconds since 1970, that rises within a stream.

    Of its jumps, see `raypp.edge.capture.clock`.

    Args:
        last_us: the last time given before, by whomever; negative without one.
        state: of a capture process before this one, since the machine was started.

    Attributes:
        state: what the next reading is judged by.
        step: what became of a jump at the last reading, or None.
        off_us: the site's clock minus the time expected, at the last reading.
    """

    def __init__(self, last_us: int, state: ClockState | None = None) -> None:
        self.state = state or ClockState(last_us)
        self.step: ClockStep | None = None
        self.off_us = 0

    def now_us(self) -> int:
        """Return the time; it lies above the one before, except where `step` is then `ClockStep.BACK`."""
        reading = read_clock(self.state, time_ns() // 1000, int(monotonic() * 1e6))
        self.state, self.step, self.off_us = reading.state, reading.step, reading.off_us
        return reading.now_us


class LiveCapture:
    """Captures one live source for ever, opening it again when it fails."""

    def __init__(self, job: CaptureJob, encoder: FrameEncoder, reporter: CaptureReporter) -> None:
        self._job = job
        self._encoder = encoder
        self._reporter = reporter
        self._source = job.sources[0]
        self._position = _latest(job)
        self._clock = RisingClock(self._position.last_us, job.clock)
        self._size: tuple[int, int] | None = None
        self._orientation = Orientation()
        self._shapes: list[SourceShape] = []
        self._due = 0.0
        self._remembered = monotonic()
        self._slowed = False
        self._anew = False
        self._stamped = self._position.last_index + 1

    def run(self) -> None:
        """Capture until StopCaptureError is raised."""
        backoff = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
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
            if frames:
                backoff.reset()
            retry_s = backoff.wait_s()
            self._reporter.tell(LogLine(f"{redacted_camera(self._source)}: {reason}; opened again in {retry_s:.0f} s"))
            self._reporter.sleep(retry_s)

    def _frames(self) -> Iterator[VideoFrame]:
        """Decode what comes; raises SourceReadError."""
        damaged = 0
        with open_live(self._source, self._job.open_timeout_s) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            packets, live_packets = container.demux(stream), LivePackets(stream)
            while True:
                try:
                    packet = next(packets, None)
                    if packet is None:
                        return
                    frames = live_packets.decode(packet, monotonic(), self._due)
                    damaged = 0
                except (av.FFmpegError, OSError) as error:
                    damaged += 1
                    if not isinstance(error, av.InvalidDataError) or damaged > _MOST_DAMAGED:
                        raise SourceReadError(_told(error, self._source, self._job.open_timeout_s)) from None
                    continue
                self._reporter.alive()
                yield from frames
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
        timestamp_us = self._time()
        self._fit(frame)
        seen = self._encoder.see(frame, self._orientation)
        index = self._position.last_index + 1
        observation = self._encoder.watch(seen, timestamp_us)
        self._position = Position(last_index=index, last_us=timestamp_us)
        self._stamped += 1
        for view in range(len(self._shapes)):
            captured = self._encoder.capture(view, seen, observation, index, timestamp_us)
            self._reporter.frame(captured, self._position, self._clock.state, view)
        if now - self._remembered >= _REMEMBER_EVERY_S and (memory := self._encoder.memory()) is not None:
            self._remembered = now
            self._reporter.tell(Remembered(memory))

    def _fit(self, frame: VideoFrame) -> None:
        """Tell how large frames are from here on, where that is not told."""
        size = frame.width, frame.height
        if size != self._size:
            self._orientation = Orientation.of_frame(frame)
            shown = self._orientation.shown_size(*size)
            self._shapes = self._encoder.shapes(*shown)
            self._tell_shapes()
            self._encoder.begin(*shown, self._job.memory if self._size is None else None)
            self._size = size
        elif self._anew:
            self._tell_shapes()

    def _tell_shapes(self) -> None:
        """Tell what holds for all frames from here on."""
        self._reporter.flush()
        for shape in self._shapes:
            self._reporter.tell(replace(shape, anew=self._anew))
        self._anew = False

    def _time(self) -> int:
        """The next frame's time; where the clock was set back far, a new stream begins with it."""
        clock, before_us = self._clock, self._clock.state.last_us
        now_us = clock.now_us()
        off_s = abs(clock.off_us) / 1e6
        match clock.step:
            case ClockStep.DOUBTED:
                way = "ahead" if clock.off_us > 0 else "back"
                self._reporter.tell(
                    LogLine(f"the site's clock jumped {way} by {off_s:.0f} s; not believed unless it lasts")
                )
            case ClockStep.OVER:
                self._reporter.tell(LogLine("the site's clock is right again; no frame carries the wrong time"))
            case ClockStep.AHEAD:
                change = (
                    f"the site's clock was set ahead by {off_s:.0f} s, to {as_utc(now_us)}, and has stayed so for "
                    f"{AHEAD_LASTS_US // 1_000_000} s: frames carry its time from now on; if it was wrong before, so "
                    "are the times until now"
                )
                self._reporter.flush()
                self._change(now_us - before_us, ClockChanged(change))
            case ClockStep.BACK:
                change = (
                    f"the site's clock was set back by {off_s:.0f} s, to {as_utc(now_us)}: a new stream begins; "
                    f"{self._stamped} frames before it carry times up to {as_utc(before_us)}, which are ahead if the "
                    "clock is right now"
                )
                self._reporter.flush()
                self._change(now_us - before_us, ClockChanged(change, self._stamped))
                self._position, self._anew = Position(), True
            case None:
                self._tell_slowed()
        return now_us

    def _change(self, by_us: int, change: ClockChanged) -> None:
        self._encoder.shift(by_us)
        self._reporter.tell(change)
        self._stamped = 0

    def _tell_slowed(self) -> None:
        slowed = self._clock.off_us < -1_000_000 and self._clock.state.doubt is None
        if slowed and not self._slowed:
            back_s = -self._clock.off_us / 1e6
            line = f"the site's clock was set back by {back_s:.0f} s; time runs at half its pace until it has caught up"
            self._reporter.tell(LogLine(line))
        self._slowed = slowed


def _latest(job: CaptureJob) -> Position:
    """Return where a stream of each view may go on: numbers and times rise in all of them."""
    positions = [view.position for view in job.views]
    return Position(
        last_index=max(position.last_index for position in positions),
        last_us=max(position.last_us for position in positions),
    )


@contextmanager
def open_live(source: str, timeout_s: float) -> Iterator[InputContainer]:
    """Open a live source with at least one video stream.

    Raises:
        SourceReadError: if it cannot be opened within the time; the text holds no password.
    """
    device = source.startswith("/dev/")
    options = PIXEL_LIMIT | ({"rtsp_transport": "tcp"} if source.lower().startswith("rtsp") else {})
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
        raise SourceReadError(f"cannot be opened ({_told(error, source, timeout_s)}){_hint(source)}") from None
    try:
        if not container.streams.video:
            raise SourceReadError("holds no video stream")
        container.streams.video[0].codec_context.options = PIXEL_LIMIT
        yield container
    finally:
        container.close()


def _told(error: BaseException, source: str, timeout_s: float) -> str:
    """Return the text of a library's error without the source, which may hold a password, blanks and all."""
    if isinstance(error, av.ExitError):  # by which FFmpeg means that the time is over
        return f"no image for {timeout_s:.0f} s"
    return error_line(error).replace(source, redacted_camera(source))


def _hint(source: str) -> str:
    if not has_unclear_password(source):
        return ""
    return "; percent-encode special characters of its password: / is %2F, @ is %40, ? is %3F, # is %23"
