"""Capturing recordings: every sampled frame once, in order, whatever is killed in between."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from time import monotonic

from av.video.frame import VideoFrame

from raypp.edge.capture.frame_encoder import DecodedFrame, FrameEncoder
from raypp.edge.capture.job import CaptureJob, Finished, LogLine, SourceShape
from raypp.edge.capture.position import Position
from raypp.edge.capture.reporting import CaptureReporter
from raypp.edge.sources import Recording, list_recordings, open_recording
from raypp.errors import MediaError, SourceReadError
from raypp.media.capture_time import CaptureClock
from raypp.media.files import open_source
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode_as
from raypp.usage.observation import Observation


@dataclass(frozen=True)
class _Placed:
    """A recording at its place in a view's stream; what was presented until then is in the stream already."""

    recording: Recording
    start_us: int
    index_base: int
    presented_us: int = -1


def _end_us(placed: _Placed, last_us: int) -> int:
    """Return where a recording ends: past its last frame, also where its container says that it ended before.

    MP4 with uneven, reordered frames does: findings/ffmpeg_mp4_durations_of_other_frames.sh.
    """
    info = placed.recording.info
    end_us = placed.start_us + info.duration_us
    return end_us if end_us > last_us else last_us + round(1_000_000 / info.average_rate)


@dataclass
class _ViewPlace:
    """How far one view has come: its stream may lack what another one has, where a kill came between them.

    Attributes:
        position: after its last frame.
        next: number of the recording that it goes on with.
        before: the one that it has finished, at its place.
        anew: it begins with other recordings than its spool knows, which is still to be told.
        shape: as it was told last, or None.
    """

    position: Position
    next: int = 0
    before: _Placed | None = None
    anew: bool = False
    shape: SourceShape | None = None


class RecordingsCapture:
    """Captures recordings one after another, as one stream for each view.

    A recording without a capture time begins where the one before ends; the first one, in 1970.
    """

    def __init__(self, job: CaptureJob, encoder: FrameEncoder, reporter: CaptureReporter) -> None:
        self._job = job
        self._encoder = encoder
        self._reporter = reporter
        self._clock = CaptureClock.parse(job.time_from, job.timezone)
        mode = SamplingMode.EVERY if job.rate is None else SamplingMode.RATE
        self._sampling = Sampling(mode, job.rate)
        self._views = [_ViewPlace(view.position) for view in job.views]
        self._shapes: list[SourceShape] = []
        self._pace: tuple[float, int] | None = None

    def run(self) -> None:
        """Capture all; raises MediaError, SourceReadError or StopCaptureError."""
        recordings = self._ordered()
        self._enter(recordings)
        for number, recording in enumerate(recordings):
            places = {
                view: self._placed(place, recording) for view, place in enumerate(self._views) if place.next <= number
            }
            if places:
                self._capture(recording, places)
            for view, placed in places.items():
                self._views[view].before = placed
        self._reporter.flush()
        for view, place in enumerate(self._views):
            self._reporter.tell(Finished(place.position, view))

    def _enter(self, recordings: list[Recording]) -> None:
        """Find out where each view goes on."""
        urls = [recording.url for recording in recordings]
        for place in self._views:
            position = place.position
            if not position.source:
                continue
            if position.source not in urls:
                place.anew, place.position = True, Position()
                continue
            place.next = urls.index(position.source)
            if position.finished:
                place.before = _Placed(recordings[place.next], position.start_us, position.index_base)
                place.next += 1
        if any(place.anew for place in self._views):
            self._reporter.tell(LogLine("other recordings than those of the spool are given: a new stream begins"))

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

    def _placed(self, place: _ViewPlace, recording: Recording) -> _Placed:
        position, before = place.position, place.before
        if position.source == recording.url and not position.finished:
            return _Placed(recording, position.start_us, position.index_base, position.presented_us)
        start_us = recording.start_us
        if start_us is None:
            start_us = 0 if before is None else _end_us(before, position.last_us)
        return _Placed(recording, max(0, start_us), position.last_index + 1)

    def _capture(self, recording: Recording, places: dict[int, _Placed]) -> None:
        began_us = min(placed.presented_us for placed in places.values())
        first_places = {view for view, placed in places.items() if placed.presented_us == began_us}
        start_us = next(iter(places.values())).start_us
        size = recording.info.width, recording.info.height
        report = DecodeReport()
        frames = self._frames(recording, self._sampling.next_tick_us(began_us + 1), report)
        first = next(frames, None)
        if first is not None:
            size = first.width, first.height
        self._begin(*size)
        self._tell(first_places, again=True)
        if began_us >= 0 and self._job.watch is not None and self._look_again(recording, start_us, began_us) != size:
            self._encoder.begin(*size)
        for frame in chain([] if first is None else [first], frames):
            if not self._encoder.fits(frame):
                self._begin(frame.width, frame.height)
            self._keep_pace(start_us + frame.timestamp_us)
            observation = self._encoder.watch(frame, start_us + frame.timestamp_us)
            for view, placed in places.items():
                if frame.timestamp_us > placed.presented_us:
                    self._tell({view})
                    self._take(view, placed, frame, observation)
        if report.damaged:
            self._reporter.tell(LogLine(f"{recording.url}: {report.damaged} damaged places were passed over"))

    def _take(self, view: int, placed: _Placed, frame: DecodedFrame, observation: Observation) -> None:
        timestamp_us, index = placed.start_us + frame.timestamp_us, placed.index_base + frame.frame_index
        captured = self._encoder.capture(view, frame, observation, index, timestamp_us)
        self._views[view].position = Position(
            source=placed.recording.url,
            start_us=placed.start_us,
            index_base=placed.index_base,
            presented_us=frame.timestamp_us,
            last_index=index,
            last_us=timestamp_us,
        )
        self._reporter.frame(captured, self._views[view].position, view=view)

    def _begin(self, width: int, height: int) -> None:
        """Go on with frames of this size."""
        self._shapes = self._encoder.shapes(width, height)
        self._encoder.begin(width, height)

    def _tell(self, views: set[int], *, again: bool = False) -> None:
        """Say how large the frames of some views are from here on, where it was not told or, `again`, in any case."""
        for view in sorted(views):
            place, shape = self._views[view], self._shapes[view]
            if again or shape != place.shape:
                self._reporter.flush()  # a shape holds for all frames after it
                self._reporter.tell(replace(shape, anew=place.anew))
                place.shape, place.anew = shape, False

    def _look_again(self, recording: Recording, start_us: int, until_us: int) -> tuple[int, int]:
        """Show the watch what it had seen before: its verdicts must not depend on when the agent was killed.

        Returns:
            Width and height of the last frame that it has seen.
        """
        size = recording.info.width, recording.info.height
        self._encoder.begin(*size)
        for frame in self._frames(recording, 0, DecodeReport(), until_us + 1):
            if not self._encoder.fits(frame):
                size = frame.width, frame.height
                self._encoder.begin(*size)
            self._encoder.watch(frame, start_us + frame.timestamp_us)
            self._reporter.alive()
        return size

    def _frames(
        self, recording: Recording, start_us: int, report: DecodeReport, end_us: int = END_US
    ) -> Iterator[DecodedFrame]:
        info = recording.info

        def see(frame: VideoFrame, timestamp_us: int, index: int) -> DecodedFrame:
            return self._encoder.see(frame, info.orientation, timestamp_us, index)

        stream = open_source(recording.url)
        try:
            yield from decode_as(stream, info, start_us, end_us, self._sampling, see, report=report)
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
