"""Capturing recordings: every sampled frame once, in order, whatever is killed in between."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from time import monotonic

from raypp.edge.capture.frame_encoder import FrameEncoder
from raypp.edge.capture.job import CaptureJob, Finished, LogLine, SourceShape
from raypp.edge.capture.position import Position
from raypp.edge.capture.reporting import CaptureReporter
from raypp.edge.sources import Recording, list_recordings, open_recording
from raypp.errors import MediaError, SourceReadError
from raypp.geometry.letterbox import Letterbox
from raypp.media.capture_time import CaptureClock
from raypp.media.files import open_source
from raypp.media.frame import Frame
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode


@dataclass(frozen=True)
class _Placed:
    """A recording at its place in the stream."""

    recording: Recording
    start_us: int
    index_base: int


class RecordingsCapture:
    """Captures recordings one after another, as one stream.

    A recording without a capture time begins where the one before ends; the first one, in 1970.
    """

    def __init__(self, job: CaptureJob, encoder: FrameEncoder, reporter: CaptureReporter) -> None:
        self._job = job
        self._encoder = encoder
        self._reporter = reporter
        self._clock = CaptureClock.parse(job.time_from, job.timezone)
        mode = SamplingMode.EVERY if job.rate is None else SamplingMode.RATE
        self._sampling = Sampling(mode, job.rate)
        self._position = job.position
        self._pace: tuple[float, int] | None = None

    def run(self) -> None:
        """Capture all; raises MediaError, SourceReadError or StopCaptureError."""
        recordings = self._ordered()
        urls = [recording.url for recording in recordings]
        anew = bool(self._position.source) and self._position.source not in urls
        if anew:
            self._reporter.tell(LogLine("other recordings than those of the spool are given: a new stream begins"))
            self._position = Position()
        at = urls.index(self._position.source) if self._position.source else 0
        before = None
        if self._position.source and self._position.finished:
            before = _Placed(recordings[at], self._position.start_us, self._position.index_base)
            at += 1
        for recording in recordings[at:]:
            resumed = not self._position.finished and self._position.source == recording.url
            placed = self._resumed(recording) if resumed else self._placed(recording, before)
            self._capture(placed, anew=anew)
            before, anew = placed, False
        self._reporter.flush()
        self._reporter.tell(Finished(self._position))

    def _ordered(self) -> list[Recording]:
        recordings = []
        for url in list_recordings(self._job.sources):
            try:
                recordings.append(open_recording(url, self._clock))
            except SourceReadError:
                raise
            except MediaError as error:
                self._reporter.tell(LogLine(f"{url} is left out: {error}"))
            self._reporter.alive()
        if not recordings:
            raise MediaError("none of the sources can be used; correct them")
        starts = [recording.start_us for recording in recordings]
        if None not in starts:
            recordings.sort(key=lambda recording: (recording.start_us or 0, recording.url))
        return recordings

    def _resumed(self, recording: Recording) -> _Placed:
        return _Placed(recording, self._position.start_us, self._position.index_base)

    def _placed(self, recording: Recording, before: _Placed | None) -> _Placed:
        start_us = recording.start_us
        if start_us is None:
            start_us = 0 if before is None else before.start_us + before.recording.info.duration_us
        return _Placed(recording, max(0, start_us), self._position.last_index + 1)

    def _capture(self, placed: _Placed, *, anew: bool) -> None:
        recording, position = placed.recording, self._position
        resumed = position.source == recording.url and not position.finished
        box = self._encoder.letterbox(recording.info.width, recording.info.height)
        presented_us = position.presented_us if resumed else -1
        report = DecodeReport()
        frames = self._frames(recording, box, self._sampling.next_tick_us(presented_us + 1), report)
        first = next(frames, None)
        if first is not None and not first.fits(box):
            box = self._encoder.letterbox(first.source_width, first.source_height)
        self._begin(box, anew=anew)
        if presented_us >= 0 and self._job.watch is not None and self._look_again(recording, presented_us) != box:
            self._encoder.begin(box)
        for frame in chain([] if first is None else [first], frames):
            if not frame.fits(box):
                box = self._encoder.letterbox(frame.source_width, frame.source_height)
                self._begin(box)
            timestamp_us = placed.start_us + frame.timestamp_us
            self._keep_pace(timestamp_us)
            captured = self._encoder.capture(frame.pixels, placed.index_base + frame.frame_index, timestamp_us)
            self._position = Position(
                source=recording.url,
                start_us=placed.start_us,
                index_base=placed.index_base,
                presented_us=frame.timestamp_us,
                last_index=captured.frame_index,
                last_us=timestamp_us,
            )
            self._reporter.frame(captured, self._position)
        if report.damaged:
            self._reporter.tell(LogLine(f"{recording.url}: {report.damaged} damaged places were passed over"))

    def _begin(self, box: Letterbox, *, anew: bool = False) -> None:
        """Say how large frames are from here on."""
        self._reporter.flush()  # a shape holds for all frames after it
        self._reporter.tell(SourceShape(box.source_width, box.source_height, self._encoder.sub_key, anew))
        self._encoder.begin(box)

    def _look_again(self, recording: Recording, until_us: int) -> Letterbox:
        """Show the watch what it had seen before: its verdicts must not depend on when the agent was killed.

        Returns:
            The letterbox of the last frame that it has seen.
        """
        box = self._encoder.letterbox(recording.info.width, recording.info.height)
        self._encoder.begin(box)
        for frame in self._frames(recording, box, 0, DecodeReport(), until_us + 1):
            if not frame.fits(box):
                box = self._encoder.letterbox(frame.source_width, frame.source_height)
                self._encoder.begin(box)
            self._encoder.watch(frame.pixels, self._position.start_us + frame.timestamp_us)
            self._reporter.alive()
        return box

    def _frames(
        self, recording: Recording, box: Letterbox, start_us: int, report: DecodeReport, end_us: int = END_US
    ) -> Iterator[Frame]:
        stream = open_source(recording.url)
        try:
            yield from decode(
                stream, recording.info, start_us, end_us, self._sampling, box, self._encoder.mask, report=report
            )
        except SourceReadError:
            raise
        except MediaError as error:
            self._reporter.tell(LogLine(f"{recording.url}: the rest is left out: {error}"))
        finally:
            stream.close()

    def _keep_pace(self, timestamp_us: int) -> None:
        if not self._job.realtime:
            return
        if self._pace is None or timestamp_us < self._pace[1]:
            self._pace = monotonic(), timestamp_us
        began, first_us = self._pace
        self._reporter.sleep(began + (timestamp_us - first_us) / 1e6 - monotonic())
