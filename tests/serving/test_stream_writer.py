"""A stream's way into a real ledger: any chunking, any number of connections, other settings: the same in the end."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from raypp.errors import StaleStreamError
from raypp.ledger.identity import Identities
from raypp.ledger.store import Ledger
from raypp.ledger.types import StreamAbout
from raypp.serving.queries import EpisodeWatch
from raypp.serving.reports import site_report
from raypp.serving.stream_writer import StreamWriter
from raypp.usage.episode import CloseReason, Episode, EpisodeState, StreamName
from raypp.usage.observation import Detection, Observation, SeenFrame
from raypp.usage.report import SiteReport

_SECOND_US = 1_000_000
_ABOUT = StreamAbout(classes=("hammer", "saw"), model_id="ab" * 32, veil_id="cd" * 16)
_STREAM = StreamName("plant", "gate", 7)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        Identities(ledger).add_site("plant")
        yield ledger


def _frames(count: int) -> list[SeenFrame]:
    """Frames half a second apart: the hammer is there in the first and last third of them."""
    hammer = (Detection(0, 0.5, 0.25, 0.25, 0.5, 0.5),)
    there = [not count // 3 <= index < 2 * count // 3 for index in range(count)]
    return [
        SeenFrame(index, _SECOND_US * 1000 + index * _SECOND_US // 2, Observation.OBSERVED, hammer if seen else ())
        for index, seen in enumerate(there)
    ]


def _write(ledger: Ledger, stream: StreamName, chunks: Sequence[Sequence[SeenFrame]], connections: int) -> None:
    writer = StreamWriter.open(ledger, stream, _ABOUT)
    for number, chunk in enumerate(chunks, 1):
        if number % connections == 0:
            writer = StreamWriter.open(ledger, stream, _ABOUT)
        assert writer.committed == number - 1
        writer.commit(number, chunk, last=number == len(chunks))


@pytest.mark.parametrize(("size", "connections"), [(1, 1), (1, 3), (7, 2), (60, 99)])
def test_chunks_and_connections_make_no_difference(ledger: Ledger, size: int, connections: int) -> None:
    frames = _frames(60)
    _write(ledger, _STREAM, [frames[begin : begin + size] for begin in range(0, 60, size)], connections)
    other = StreamName("plant", "other", 7)
    _write(ledger, other, [frames], 99)
    assert list(ledger.frames(_STREAM)) == frames

    def episodes_of(stream: StreamName) -> list[tuple[object, ...]]:
        return [
            (episode.tool, episode.start_us, episode.end_us, episode.seen_us, episode.state, episode.reason)
            for episode in ledger.episodes("plant")
            if episode.stream == stream
        ]

    assert episodes_of(_STREAM) == episodes_of(other)
    assert [episode[-1] for episode in episodes_of(_STREAM)] == [CloseReason.ENDED, CloseReason.END_OF_STREAM]


def test_only_the_latest_connection_commits(ledger: Ledger) -> None:
    frames = _frames(6)
    first = StreamWriter.open(ledger, _STREAM, _ABOUT)
    first.commit(1, frames[:3], last=False)
    second = StreamWriter.open(ledger, _STREAM, _ABOUT)
    with pytest.raises(StaleStreamError):
        first.commit(2, frames[3:], last=False)
    second.commit(2, frames[3:], last=False)
    assert list(ledger.frames(_STREAM)) == frames


def test_other_settings_close_what_is_open_and_go_on(ledger: Ledger) -> None:
    frames = _frames(60)
    StreamWriter.open(ledger, _STREAM, _ABOUT).commit(1, frames[:12], last=False)
    ledger.configure("plant", "tools:\n- class: hammer\n  max_gap_s: 3\n")
    after = StreamWriter.open(ledger, _STREAM, _ABOUT)
    again = StreamWriter.open(ledger, _STREAM, _ABOUT)
    assert after.committed == again.committed == 1
    again.commit(2, frames[12:], last=True)
    first, *_, last = ledger.episodes("plant")
    assert (first.reason, last.reason) == (CloseReason.SETTINGS, CloseReason.END_OF_STREAM)
    assert last.start_us >= first.end_us
    assert {episode.state for episode in ledger.episodes("plant")} == {EpisodeState.FINAL}


def test_a_watch_tells_each_state_once(ledger: Ledger) -> None:
    frames = _frames(60)
    writer = StreamWriter.open(ledger, _STREAM, _ABOUT)
    writer.commit(1, frames[:10], last=False)
    watch = EpisodeWatch(ledger, "plant")
    assert [episode.state for episode in watch.open_ones()] == [EpisodeState.OPEN]
    assert watch.changed() == []
    writer.commit(2, frames[10:12], last=False)
    (moved,) = watch.changed()
    assert moved.state is EpisodeState.OPEN
    assert watch.changed() == []
    writer.commit(3, frames[12:], last=True)
    assert [episode.reason for episode in watch.changed()] == [CloseReason.ENDED, CloseReason.END_OF_STREAM]
    assert watch.changed() == []


def test_a_watch_tells_what_all_changed_at_once_in_parts(ledger: Ledger) -> None:
    for number in range(3):
        _write(ledger, StreamName("plant", f"gate-{number}", 1), [_frames(60)], 99)
    watch = EpisodeWatch(ledger, "plant", together=2)

    def changes_seen() -> list[Episode]:
        parts = [watch.changed()]
        while watch.more:
            parts.append(watch.changed())
        assert max(map(len, parts)) <= 2
        return [episode for part in parts for episode in part]

    assert watch.open_ones() == []
    assert changes_seen() == []
    with ledger.database.engine.begin() as connection:
        connection.execute(text("UPDATE episodes SET seen_us = seen_us + 1"))
    changed = ledger.episodes("plant")
    assert len(changed) == 6
    assert changes_seen() == changed
    assert changes_seen() == []


def test_a_report_is_made_of_what_is_in_the_ledger(ledger: Ledger) -> None:
    _write(ledger, _STREAM, [_frames(60)], 99)
    report = SiteReport.model_validate_json(site_report(ledger, "plant", 0, 0, 1 << 20))
    assert report.site == "plant"
    assert {lane.tool for lane in report.lanes} >= {"hammer"}
