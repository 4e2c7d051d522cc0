"""The capture's side of its connection: chunks are sent when they are due, whatever the capturing thread is held by."""

from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Event, Thread

import pytest

from raypp.edge.capture.job import Captured, Chunk, Stop, Taken
from raypp.edge.capture.position import Position
from raypp.edge.capture.reporting import CaptureReporter
from raypp.usage.observation import Observation


@pytest.fixture
def ends(monkeypatch) -> Iterator[tuple[Connection, Connection]]:
    """The agent's end and the capture's; the capture ends when the agent is gone, and so would these tests."""
    gone = Event()
    monkeypatch.setattr("raypp.edge.capture.reporting.os._exit", lambda _: gone.set())
    agent, capture = Pipe()
    yield agent, capture
    agent.close()
    assert gone.wait(10)


def _frame(index: int) -> Captured:
    return Captured(index, index * 1000, Observation.FROZEN, None)


def _chunks(agent: Connection, seconds: float, most: int = 1000) -> list[Chunk]:
    """Chunks that come, until so many have, or nothing has come for some seconds."""
    chunks: list[Chunk] = []
    while len(chunks) < most and agent.poll(seconds):
        report = agent.recv()
        if isinstance(report, Chunk):
            chunks.append(report)
            agent.send(Taken())
    return chunks


def test_a_chunk_is_sent_when_it_is_due_though_nothing_more_is_captured(ends):
    agent, capture = ends
    reporter = CaptureReporter(capture, chunk_frames=8, chunk_s=0.5)
    reporter.frame(_frame(0), Position(last_index=0))
    reporter.frame(_frame(1), Position(last_index=1))
    (chunk,) = _chunks(agent, 10, 1)
    assert [frame.frame_index for frame in chunk.frames] == [0, 1]
    assert chunk.position.last_index == 1


def test_what_is_held_is_sent_when_the_agent_says_stop(ends):
    agent, capture = ends
    reporter = CaptureReporter(capture, chunk_frames=8, chunk_s=60)
    reporter.frame(_frame(0), Position(last_index=0))
    assert not _chunks(agent, 1)
    agent.send(Stop())
    (chunk,) = _chunks(agent, 10, 1)
    assert chunk.position.last_index == 0


def test_frames_keep_their_order_and_none_is_sent_twice(ends):
    agent, capture = ends
    reporter = CaptureReporter(capture, chunk_frames=3, chunk_s=0.01)
    sent: list[Chunk] = []

    def take() -> None:
        while not sent or sent[-1].position.last_index < 199:
            sent.extend(_chunks(agent, 60, 1))

    taking = Thread(target=take, daemon=True)
    taking.start()
    for index in range(200):
        reporter.frame(_frame(index), Position(last_index=index))
    reporter.flush()
    taking.join(60)
    assert [frame.frame_index for chunk in sent for frame in chunk.frames] == list(range(200))
    assert all(chunk.position.last_index == chunk.frames[-1].frame_index for chunk in sent)
