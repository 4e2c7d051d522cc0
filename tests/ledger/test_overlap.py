"""What other streams of a camera have committed, on each database."""

from dataclasses import replace

import pytest

from raypp.errors import StaleStreamError, StreamRefusedError
from raypp.ledger.store import Ledger
from raypp.usage.observation import Observation
from tests.ledger.site import ABOUT, SECOND, STREAM, T0, Clock, Connection, chunks, seen, working_day

NEWER = replace(STREAM, epoch=STREAM.epoch + 1)
RECORDING = replace(ABOUT, live=False)


def spans(ledger: Ledger, from_s: float, to_s: float) -> list[tuple[float, float]]:
    stretches = ledger.taken(NEWER, T0 + round(from_s * SECOND), T0 + round(to_s * SECOND))
    assert {stretch.stream for stretch in stretches} <= {STREAM}
    return [((stretch.start_us - T0) / SECOND, (stretch.end_us - T0) / SECOND) for stretch in stretches]


def test_only_time_that_another_stream_saw_is_taken(ledger: Ledger):
    covered = [
        replace(frame, observation=Observation.COVERED, detections=()) if 40 <= frame.frame_index < 60 else frame
        for frame in working_day(120)
    ]
    Connection(ledger).send_all(chunks(covered), last=True)
    Connection(ledger, replace(STREAM, camera="gate")).send_all(chunks(working_day(400)), last=True)
    assert spans(ledger, 0, 100) == [(0, 20), (30, 60)]
    assert spans(ledger, 5, 6) == [(0, 20)]
    assert spans(ledger, 20, 30) == spans(ledger, 60, 100) == spans(ledger, -50, 0) == []
    assert ledger.taken(STREAM, T0, T0 + 100 * SECOND) == []
    assert ledger.taken_until(NEWER) >= T0 + 60 * SECOND
    assert ledger.taken_until(STREAM) == 0


def test_frames_that_are_not_folded_yet_are_taken_too(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(40)))
    assert spans(ledger, 0, 100)[-1][1] == pytest.approx(19.5, abs=0.001)


def test_a_first_chunk_of_time_that_is_taken_takes_nothing_over(ledger: Ledger):
    Connection(ledger).send_all(chunks(working_day(40)))
    with pytest.raises(StaleStreamError, match="open it again"):
        Connection(ledger, NEWER).send(1, [seen(3)])
    assert [(stream.stream, stream.ended) for stream in ledger.streams("plant-1")] == [(STREAM, False)]
    assert Connection(ledger, NEWER).send(1, [seen(40)]) == 1


def test_a_recording_waits_for_a_live_stream_to_fall_silent(ledger: Ledger, clock: Clock):
    Connection(ledger).send_all(chunks(working_day(40)))
    with pytest.raises(StreamRefusedError, match=f"live stream plant-1/bench@{T0} goes on"):
        ledger.open_stream(NEWER, RECORDING)
    clock.now += 121 * SECOND
    ledger.open_stream(NEWER, RECORDING)
