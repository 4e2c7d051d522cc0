"""Recordings and live cameras whose event time another stream of the camera has committed."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from raypp.errors import StaleStreamError, StreamRefusedError
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.identity import Identities
from raypp.ledger.retention import forget
from raypp.ledger.store import Ledger
from raypp.ledger.times import parse_time
from raypp.ledger.types import StreamAbout
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame

_SECOND_US = 1_000_000
_T0 = 1_772_440_380_000_000  # 2026-03-02T08:33:00Z
_LIVE = StreamAbout(classes=("hammer", "saw"), model_id="ab" * 32, veil_id="cd" * 16)
_RECORDING = replace(_LIVE, live=False)
_HAMMER = (Detection(0, 0.5, 0.25, 0.25, 0.5, 0.5),)


class Clock:
    def __init__(self) -> None:
        self.now = _T0 + 3600 * _SECOND_US

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock) as ledger:
        Identities(ledger).add_site("plant")
        yield ledger


def _stream(epoch: int, camera: str = "gate") -> StreamName:
    return StreamName("plant", camera, _T0 + epoch)


def _frames(start_s: float, seconds: float, first: int = 0) -> list[SeenFrame]:
    """Five frames a second, a hammer on those of every second ten seconds."""
    start_us = _T0 + round(start_s * _SECOND_US)
    frames = []
    for number in range(round(seconds * 5)):
        at_us = start_us + number * _SECOND_US // 5
        detections = _HAMMER if (at_us - _T0) // (10 * _SECOND_US) % 2 == 0 else ()
        frames.append(SeenFrame(first + number, at_us, Observation.OBSERVED, detections))
    return frames


def _send(ledger: Ledger, stream: StreamName, about: StreamAbout, frames: list[SeenFrame], *, last: bool = True) -> int:
    """Send frames in chunks of eight; return how many were committed."""
    writer = StreamWriter.open(ledger, stream, about)
    for begin in range(0, len(frames), 8):
        chunk = frames[begin : begin + 8]
        writer.commit(writer.committed + 1, chunk, last=last and begin + 8 >= len(frames))
    return len(frames)


def _uses(ledger: Ledger) -> list[tuple[int, int]]:
    return [(episode.start_us, episode.end_us) for episode in ledger.episodes("plant", limit=None)]


def test_a_recording_that_is_streamed_again_from_another_spool_is_refused_by_name_and_counted_once(
    ledger: Ledger,
) -> None:
    frames = _frames(0, 30)
    _send(ledger, _stream(1), _RECORDING, frames)
    before = _uses(ledger), ledger.stretches("plant")
    with pytest.raises(StreamRefusedError) as refused:
        _send(ledger, _stream(2), _RECORDING, frames)
    message = str(refused.value)
    assert "camera gate: 2026-03-02T08:33:00 to 2026-03-02T08:33:30 UTC is committed already" in message
    assert f"by plant/gate@{_T0 + 1}" in message
    assert "raypp forget plant --camera gate --from 2026-03-02T08:33:00 --to 2026-03-02T08:33:30" in message
    assert (_uses(ledger), ledger.stretches("plant")) == before
    assert [stream.stream for stream in ledger.streams("plant")] == [_stream(1)]


def test_the_remedy_that_is_named_lets_the_recording_replace_what_is_there(ledger: Ledger) -> None:
    frames = _frames(0, 30)
    _send(ledger, _stream(1), _RECORDING, frames)
    before = _uses(ledger)
    with pytest.raises(StreamRefusedError) as refused:
        _send(ledger, _stream(2), _RECORDING, frames)
    words = str(refused.value).replace("`,", "").split()
    start, end = (parse_time(words[words.index(option) + 1], option) for option in ("--from", "--to"))
    forget(ledger, "plant", camera="gate", from_us=start, to_us=end)
    assert _uses(ledger) == []
    assert _send(ledger, _stream(2), _RECORDING, frames) == 150
    assert _uses(ledger) == before


@pytest.mark.parametrize("start_s", [-3600.0, -30.0, 30.0, 7200.0])
def test_recordings_of_other_times_of_a_camera_are_taken(ledger: Ledger, start_s: float) -> None:
    _send(ledger, _stream(1), _RECORDING, _frames(0, 30))
    assert _send(ledger, _stream(2), _RECORDING, _frames(start_s, 30)) == 150
    assert sum(stretch.end_us - stretch.start_us for stretch in ledger.stretches("plant")) == 60 * _SECOND_US


def test_a_recording_is_taken_up_to_where_it_runs_into_committed_time(ledger: Ledger) -> None:
    _send(ledger, _stream(1), _RECORDING, _frames(0, 30))
    with pytest.raises(StreamRefusedError, match="is committed already"):
        _send(ledger, _stream(2), _RECORDING, _frames(-16, 46))
    assert [(stream.stream, stream.frames) for stream in ledger.streams("plant")] == [
        (_stream(1), 150),
        (_stream(2), 80),
    ]


def test_recordings_that_overlap_by_a_second_are_taken_and_counted_once(ledger: Ledger) -> None:
    _send(ledger, _stream(1), _RECORDING, _frames(0, 30))
    _send(ledger, _stream(2), _RECORDING, _frames(29, 30))
    seen = [stretch for stretch in ledger.stretches("plant") if stretch.observation is Observation.OBSERVED]
    assert sum(stretch.end_us - stretch.start_us for stretch in seen) == 59 * _SECOND_US
    assert [entry.subject for entry in AuditLog(ledger).list() if entry.action == "overlap"] == [
        f"plant/gate@{_T0 + 2}"
    ]


def test_a_live_camera_goes_on_with_a_new_spool_after_its_clock_was_set_back(ledger: Ledger) -> None:
    _send(ledger, _stream(1), _LIVE, _frames(0, 30), last=False)
    assert _send(ledger, _stream(2), _LIVE, _frames(26, 30), last=False) == 150
    seen = [stretch for stretch in ledger.stretches("plant") if stretch.observation is Observation.OBSERVED]
    spans = sorted((stretch.start_us, stretch.end_us) for stretch in seen)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    uses = sorted(_uses(ledger))
    assert all(before[1] <= after[0] for before, after in pairwise(uses)), uses
    assert next(iter(ledger.frames(_stream(2)))).observation is Observation.DROPPED


def test_a_live_camera_that_runs_far_into_committed_time_is_refused(ledger: Ledger) -> None:
    _send(ledger, _stream(1), _LIVE, _frames(0, 1300))
    with pytest.raises(StreamRefusedError, match="is committed already"):
        _send(ledger, _stream(2), _LIVE, _frames(600, 10))
    assert _send(ledger, _stream(3), _LIVE, _frames(1000, 400), last=False) == 2000


def test_what_a_camera_did_not_see_may_be_filled_in(ledger: Ledger) -> None:
    covered = [
        replace(frame, observation=Observation.COVERED, detections=()) if 10 <= frame.frame_index // 5 < 20 else frame
        for frame in _frames(0, 30)
    ]
    _send(ledger, _stream(1), _LIVE, covered)
    assert _send(ledger, _stream(2), _RECORDING, _frames(10, 10)) == 50


def test_a_recording_does_not_end_a_live_stream_that_goes_on(ledger: Ledger, clock: Clock) -> None:
    _send(ledger, _stream(1), _LIVE, _frames(0, 30), last=False)
    with pytest.raises(StreamRefusedError, match=f"live stream plant/gate@{_T0 + 1} goes on"):
        _send(ledger, _stream(2), _RECORDING, _frames(-3600, 30))
    _send(ledger, _stream(2, "other"), _RECORDING, _frames(-3600, 30))
    clock.now += 121 * _SECOND_US
    assert _send(ledger, _stream(2), _RECORDING, _frames(-3600, 30)) == 150


def test_a_first_chunk_of_time_that_was_committed_meanwhile_is_judged_again(ledger: Ledger) -> None:
    old = StreamWriter.open(ledger, _stream(1), _LIVE)
    old.commit(1, _frames(0, 10), last=False)
    new = StreamWriter.open(ledger, _stream(2), _LIVE)
    new._taken_until_us = 0  # what it would have found a moment earlier
    old.commit(2, _frames(10, 10, 50), last=False)
    with pytest.raises(StaleStreamError, match="open it again"):
        new.commit(1, _frames(15, 10), last=False)
    old.commit(3, _frames(20, 1, 100), last=False)
    again = StreamWriter.open(ledger, _stream(2), _LIVE)
    written = again.commit(1, _frames(15, 10), last=False)
    assert [frame.observation for frame in written.frames[:30]] == [Observation.DROPPED] * 30
    assert {frame.observation for frame in written.frames[31:]} == {Observation.OBSERVED}
