"""Recordings become one stream of codes, whose shape is told whenever it changes."""

from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

import pytest

from raypp.edge.capture.camera_health import CameraHealthSettings
from raypp.edge.capture.frame_encoder import FrameEncoder
from raypp.edge.capture.job import CaptureJob, CaptureReport, Chunk, Finished, SourceShape, Taken
from raypp.edge.capture.position import Position
from raypp.edge.capture.recordings import RecordingsCapture
from raypp.edge.capture.reporting import CaptureReporter
from raypp.veil.key import VeilKey
from raypp.veil.keyfile import save_owner_key
from raypp.veil.spec import PatchSpec
from tests.media.decoding import info_of
from tests.media.videos import HEIGHT, WIDTH, Video, joined, write

_OPEN: list[Connection] = []
"""Agents' ends of connections: a capture whose agent is gone ends its process, which here is the tests'."""


def _reports(job: CaptureJob) -> list[CaptureReport]:
    """Reports of a capture from its begin to its end."""
    ours, theirs = Pipe()
    _OPEN.append(ours)
    reports: list[CaptureReport] = []

    def take() -> None:
        while not reports or not isinstance(reports[-1], Finished):
            reports.append(ours.recv())
            if isinstance(reports[-1], Chunk):
                ours.send(Taken())

    taking = Thread(target=take)
    taking.start()
    RecordingsCapture(job, FrameEncoder(job), CaptureReporter(theirs, job.chunk_frames, job.chunk_s)).run()
    taking.join(30)
    assert not taking.is_alive()
    return [heard for heard in reports if isinstance(heard, SourceShape | Chunk)]


@pytest.fixture
def job(tmp_path: Path) -> CaptureJob:
    save_owner_key(VeilKey.generate(), tmp_path / "owner.key")
    video = joined("cam.ts", tmp_path, back_s=0, second=(HEIGHT, WIDTH))
    return CaptureJob(
        site="plant-1",
        camera="gate",
        sources=(str(video),),
        live=False,
        rate=None,
        realtime=False,
        time_from=None,
        timezone="UTC",
        masks_path=None,
        key_path=tmp_path / "owner.key",
        spec=PatchSpec(),
        encoder_path=None,
        size=64,
        watch=CameraHealthSettings(),
        chunk_frames=7,
        chunk_s=60,
        position=Position(),
    )


def test_a_stream_that_changes_its_size_midway_tells_its_new_shape(job: CaptureJob) -> None:
    frames, sizes = 0, []
    chunks = []
    for report in _reports(job):
        if isinstance(report, SourceShape):
            sizes.append((frames, report.width, report.height))
        elif isinstance(report, Chunk):
            frames += len(report.frames)
            chunks.append(report)
    assert frames == 90
    assert sizes == [(0, WIDTH, HEIGHT), (50, HEIGHT, WIDTH)]
    for stopped_after in (3, 8, 9):  # chunks: in the first half, where it changes, in the second
        before, after = chunks[:stopped_after], chunks[stopped_after:]
        resumed = _reports(replace(job, position=before[-1].position))
        again = [frame for heard in resumed if isinstance(heard, Chunk) for frame in heard.frames]
        assert again == [frame for heard in after for frame in heard.frames]
        shapes = [(heard.width, heard.height) for heard in resumed if isinstance(heard, SourceShape)]
        assert shapes == ([(WIDTH, HEIGHT), (HEIGHT, WIDTH)] if stopped_after < 8 else [(HEIGHT, WIDTH)])


def test_a_recording_begins_after_one_that_goes_on_past_its_length(job: CaptureJob, tmp_path: Path) -> None:
    times_ms = (*range(0, 3840, 40), 63_840)  # MP4 has reordered frames of uneven times end too early
    video = Video("still.mp4", options={"bf": "2"}, frames=len(times_ms), times_ms=times_ms)
    videos = [write(video, tmp_path / name) for name in ("first.mp4", "second.mp4")]
    length_us = info_of(videos[0]).duration_us
    assert length_us < 63_840_000
    chunks = [report for report in _reports(replace(job, sources=tuple(map(str, videos)))) if isinstance(report, Chunk)]
    first, second = [chunk.position.start_us for chunk in (chunks[0], chunks[-1])]
    assert first == 0
    assert 63_840_000 < second < 64_900_000
    stopped = next(chunk.position for chunk in chunks if chunk.position.last_us >= 63_840_000)
    resumed = _reports(replace(job, sources=tuple(map(str, videos)), position=stopped))
    assert resumed[-1].position == chunks[-1].position  # type: ignore[union-attr]
