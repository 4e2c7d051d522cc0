"""Connections in any order: each chunk is in the ledger once, and the highest epoch is the one that is open."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raypp.errors import StaleStreamError, StreamRefusedError
from raypp.ledger.store import Ledger
from raypp.usage.episode import StreamName
from tests.ledger.site import ABOUT, SECOND, STREAM, T0, Connection, chunks, content, scratch, undisturbed, working_day


class Service:
    """Connections of one camera that commit, repeat, are left behind and taken over, in any order."""

    def __init__(self, ledger: Ledger, parts) -> None:
        self.ledger = ledger
        self.parts = parts
        self.connections: list[Connection] = []

    def step(self, action: str, which: int) -> None:
        if action == "open" or not self.connections:
            self.connections.append(Connection(self.ledger))
            return
        connection = self.connections[which % len(self.connections)]
        sequence = connection.committed + (0 if action == "repeat" else 1)
        if action == "gap":
            sequence += 1
        if not 0 < sequence <= len(self.parts) or connection.state is None:
            return
        commit, state = connection.prepare(sequence, self.parts[sequence - 1])
        if action == "lost answer":
            self._try(commit)  # durable, perhaps; the connection never hears, and so drops what it holds
            self.connections.remove(connection)
            return
        if self._try(commit):
            connection.state, connection.committed = state, sequence

    def _try(self, commit) -> bool:
        before = self.ledger.position(STREAM)
        try:
            self.ledger.commit(commit)
        except (StaleStreamError, StreamRefusedError):
            assert self.ledger.position(STREAM) == before
            return False
        assert before is not None
        assert before.committed == commit.sequence - 1
        return True


ACTIONS = st.tuples(st.sampled_from(["open", "commit", "commit", "repeat", "gap", "lost answer"]), st.integers(0, 5))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(ACTIONS, max_size=30), size=st.integers(4, 12))
def test_any_order_of_commits_repeats_and_take_overs_leaves_each_frame_once(steps, size: int):
    parts = chunks(working_day(90), size)
    with scratch() as ledger:
        service = Service(ledger, parts)
        for action, which in steps:
            service.step(action, which)
        last = Connection(ledger)
        for sequence in range(last.committed + 1, len(parts) + 1):
            last.send(sequence, parts[sequence - 1], last=sequence == len(parts))
        if last.position.ended:
            return
        if last.committed == last.position.committed:  # all was committed before; the stream goes on
            assert content(ledger) == undisturbed(parts, last=False)
        else:
            assert content(ledger) == undisturbed(parts)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(epochs=st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_any_order_of_epochs_leaves_the_highest_open(epochs: list[int]):
    with scratch() as ledger:
        highest = 0
        for epoch in epochs:
            name = StreamName("plant-1", "bench", T0 + epoch)
            if epoch < highest:
                with pytest.raises(StreamRefusedError, match="taken over"):
                    ledger.open_stream(name, ABOUT)
                continue
            highest = epoch
            connection = Connection(ledger, name)
            if connection.committed == 0:
                later = epoch * 60 * SECOND  # each of a time of its own: none is counted twice
                connection.send(
                    1, [replace(frame, timestamp_us=frame.timestamp_us + later) for frame in working_day(30)]
                )
        streams = ledger.streams("plant-1")
        assert [status.stream.epoch - T0 for status in streams if not status.ended] == [highest]
        held = ledger.episodes("plant-1", limit=None)
        assert {episode.stream.epoch - T0 for episode in held if episode.reason is None} == {highest}
