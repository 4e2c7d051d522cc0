"""Frames of one video in any order, as JPEG, at the times that veiling gives them: in memory alone."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

from raypp.errors import MediaError, SourceReadError
from raypp.geometry.letterbox import Letterbox
from raypp.media.container import probe
from raypp.media.files import open_source
from raypp.media.frame import Frame
from raypp.media.sampling import END_US, Sampling, SamplingMode
from raypp.media.timeline import DecodeReport
from raypp.media.video import decode, decode_as
from raypp.progress import SILENT, Progress
from raypp.reveal.jpeg import jpeg

_LONGEST_SIDE = 1280
_CACHE_BYTES = 128_000_000
_BACK, _AHEAD = 12, 48
"""Frames decoded before a frame that is entered, for steps back; and passed by before the video is entered anew."""
_TOLD_EACH = 100
_EVERY = Sampling(SamplingMode.EVERY)


class VideoFrames:
    """The frames of a video: their times, and each as JPEG with at most 1280 pixels a side; safe for threads.

    Used as a context manager, which closes the video.

    The whole video is decoded once at first, since only that tells which frames are shown, and when.

    Args:
        path: the video.
        progress: is told how far it is.

    Attributes:
        name: the video's name.
        times_us: presentation times of all frames since the video's start, rising, in microseconds.
        end_us: when the last frame stops being shown.
        damaged: what could not be decoded, as a count.

    Raises:
        MediaError: naming the file, if it is no video that can be decoded.
    """

    def __init__(self, path: Path, progress: Progress = SILENT) -> None:
        self.name = path.name
        self._source = open_source(str(path))
        try:
            self._open(path, progress)
        except BaseException:
            self._source.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._leave()
            self._source.close()

    def image(self, number: int) -> bytes | None:
        """Return a frame as JPEG, by its number from 0 on; None if there is none, or it cannot be decoded now.

        Raises:
            MediaError: if the file cannot be read any more.
        """
        if not 0 <= number < len(self.times_us):
            return None
        with self._lock:
            if number not in self._cache:
                self._decode_to(number)
            if number in self._cache:
                self._cache.move_to_end(number)
            return self._cache.get(number)

    def _open(self, path: Path, progress: Progress) -> None:
        report = DecodeReport()
        try:
            self._info = probe(self._source)
            self.times_us = tuple(self._times(report, progress))
        except SourceReadError:
            raise
        except MediaError as error:
            raise MediaError(f"{path}: {error}") from None
        if not self.times_us:
            raise MediaError(f"{path}: no frame can be decoded; the file is damaged")
        last_us = self.times_us[-1]
        interval_us = max(1, round(1_000_000 / self._info.average_rate))
        self.end_us = max(report.end_us or 0, last_us + 1) if report.end_us != last_us else last_us + interval_us
        self.damaged = report.damaged
        self._numbers = {time_us: number for number, time_us in enumerate(self.times_us)}
        side = min(_LONGEST_SIDE, max(self._info.width, self._info.height))
        self._letterbox = Letterbox(side, 1, self._info.width, self._info.height)
        self._lock, self._cache, self._held = Lock(), OrderedDict[int, bytes](), 0
        self._decoder: Iterator[Frame] = iter(())
        self._next = len(self.times_us)

    def _times(self, report: DecodeReport, progress: Progress) -> Iterator[int]:
        times = decode_as(self._source, self._info, 0, END_US, _EVERY, lambda _, time_us, __: time_us, report=report)
        last_us = frames = 0
        with progress.task("reading the times of frames", self._info.duration_us / 1e6) as advance:
            for time_us in times:
                yield time_us
                frames += 1
                if frames % _TOLD_EACH == 0:
                    advance((time_us - last_us) / 1e6, self.name, _TOLD_EACH)
                    last_us = time_us

    def _decode_to(self, number: int) -> None:
        if not self._next <= number < self._next + _AHEAD:
            self._enter(max(0, number - _BACK))
        for frame in self._decoder:
            shown = self._numbers.get(frame.timestamp_us)
            if shown is None:
                continue
            self._next = shown + 1
            self._keep(shown, jpeg(frame.pixels))
            if shown >= number:
                return
        self._next = len(self.times_us)  # the decoder is at its end: the next frame enters the video anew

    def _enter(self, number: int) -> None:
        self._leave()
        self._next = number
        self._decoder = decode(
            self._source,
            self._info,
            self.times_us[number],
            END_US,
            _EVERY,
            self._letterbox,
            None,
            report=DecodeReport(),
        )

    def _leave(self) -> None:
        close = getattr(self._decoder, "close", None)
        if close:
            close()

    def _keep(self, number: int, image: bytes) -> None:
        self._held += len(image) - len(self._cache.pop(number, b""))
        self._cache[number] = image
        while self._held > _CACHE_BYTES and len(self._cache) > 1:
            self._held -= len(self._cache.popitem(last=False)[1])
