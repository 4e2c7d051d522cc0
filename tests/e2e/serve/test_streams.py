"""A stream through the real service: exact, resumed, one at a time, within its limits."""

import hashlib
import json
import re
import time

import pytest

from protos import raypp_pb2 as pb
from raypp.ledger.audit_log import AuditLog
from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.fold import Fold
from raypp.usage.settings import SiteSettings
from raypp.wire.values import detections_of
from tests.e2e.serve.talk import (
    FRAMES,
    WINDOW,
    Code,
    Site,
    connected,
    detected_alone,
    refused,
)
from tests.serving.bundles import CLASSES, VEIL, some_codes
from tests.serving.running import (
    FRAME_US,
    START_US,
    MovedError,
    Service,
)

pytestmark = pytest.mark.ray


def test_the_log_and_the_audit_log_name_the_engine(service: Service, site: Site) -> None:
    line = r"^model +/.*/tools\.model is computed by (onnxruntime 1\.[0-9.]+, float32)$"
    (engine,) = set(re.findall(line, service.log_text(), re.MULTILINE))
    with connected(service, site) as stream:
        stream.open()
    with service.ledger() as ledger:
        details = [entry.detail for entry in AuditLog(ledger).list(limit=10_000) if entry.action == "stream"]
    model_id = hashlib.sha256((service.place / "tools.model").read_bytes()).hexdigest()
    assert f"resumed after 0; model {model_id[:12]} by {engine}" in details


def test_what_is_streamed_is_detected_folded_and_durable_exactly(service: Service, site: Site) -> None:
    codes = some_codes(20)
    with connected(service, site) as stream:
        opened = stream.open()
        assert (opened.resume_after, opened.model.veil_id, opened.model.classes) == (0, VEIL, list(CLASSES))
        assert (opened.limits.window, opened.limits.frames_per_chunk) == (WINDOW, FRAMES)
        assert opened.clock_offset_us <= 0, "a wait is no fault of the site's clock"
        assert 0 < opened.received_at_us <= opened.sent_at_us
        stream.chunk(1, codes[:8], 0)
        stream.chunk(2, codes[8:16], 8)
        stream.chunk(3, codes[16:], 16, last=True)
        answers = [stream.committed() for _ in range(3)]
        assert stream.finish() == []
    assert [answer.sequence for answer in answers] == [1, 2, 3]
    expected = detected_alone(service, codes)
    sent = [detections_of(frame) for answer in answers for frame in answer.frames]
    assert sent == [frame.detections for frame in expected]
    name = StreamName(site[0], "gate", START_US)
    with service.ledger() as ledger:
        assert list(ledger.frames(name)) == expected
        episodes = ledger.episodes(site[0])
        stretches = ledger.stretches(site[0])
    fold = Fold(SiteSettings.default(), name, CLASSES)
    state, changes = fold.advance(fold.begin(), expected)
    state, more = fold.finish(state, CloseReason.END_OF_STREAM)
    final = {episode.episode_id: episode for episode in (*changes.episodes, *more.episodes)}
    assert {episode.episode_id: episode for episode in episodes} == final
    assert len(final) == 2
    assert {episode.state for episode in episodes} == {EpisodeState.FINAL}
    assert [(stretch.start_us, stretch.end_us) for stretch in stretches] == [(START_US, START_US + 20 * FRAME_US)]


def test_a_stream_resumes_where_it_is_committed_and_repeats_change_nothing(service: Service, site: Site) -> None:
    codes = some_codes(24)
    with connected(service, site) as stream:
        stream.open()
        stream.chunk(1, codes[:8], 0)
        stream.committed()
    with connected(service, site) as stream:
        assert stream.open().resume_after == 1
        stream.chunk(1, codes[:8], 0, seen=0)
        again = stream.committed()
        assert (again.sequence, list(again.frames)) == (1, [])
        stream.chunk(2, codes[8:16], 8)
        stream.chunk(2, codes[8:16], 8)
        assert [stream.committed().sequence for _ in range(2)] == [2, 2]
        stream.chunk(3, codes[16:], 16, last=True)
        stream.committed()
    with connected(service, site) as stream:
        assert stream.open().resume_after == 3
        stream.chunk(4, None, 24)
        refused(stream, Code.FAILED_PRECONDITION, "ended")
    with service.ledger() as ledger:
        assert list(ledger.frames(StreamName(site[0], "gate", START_US))) == detected_alone(service, codes)


def test_time_may_go_backwards(service: Service, site: Site) -> None:
    codes = some_codes(12)
    with connected(service, site) as stream:
        stream.open()
        stream.chunk(1, codes[:6], 20)
        stream.chunk(2, codes[6:], 26, frame_us=FRAME_US // 20)
        assert [stream.committed().sequence for _ in range(2)] == [1, 2]
    with service.ledger() as ledger:
        assert [frame.frame_index for frame in ledger.frames(StreamName(site[0], "gate", START_US))] == list(
            range(20, 32)
        )
        state = json.loads(ledger.position(StreamName(site[0], "gate", START_US)).state_json)
    assert state["late"] == 6


def test_the_later_of_two_connections_has_the_stream(service: Service, site: Site) -> None:
    with connected(service, site) as first, connected(service, site) as second:
        first.open()
        first.chunk(1, None, 0)
        first.committed()
        assert second.open().resume_after == 1
        second.chunk(2, None, 1)
        assert second.committed().sequence == 2
        first.chunk(2, None, 1)
        refused(first, Code.ABORTED)
        second.chunk(3, None, 2)
        assert second.committed().sequence == 3


def test_a_higher_epoch_takes_over_for_good(service: Service, site: Site) -> None:
    with connected(service, site) as old:
        old.open()
        old.chunk(1, some_codes(8), 0)
        assert [episode.state for episode in old.committed().episodes] == [pb.EPISODE_STATE_OPEN] * 2
        with connected(service, site, epoch=START_US + 1) as new:
            assert new.open().resume_after == 0
            refused(old, Code.ABORTED)
            new.chunk(1, None, 20)
            new.committed()
    with connected(service, site) as old:
        old.send(old.camera.open())
        refused(old, Code.FAILED_PRECONDITION, "epoch")
    with service.ledger() as ledger:
        assert {episode.reason for episode in ledger.episodes(site[0])} == {CloseReason.REPLACED}


def test_a_silent_streams_episodes_are_provisional_until_it_goes_on(service: Service, site: Site) -> None:
    with service.ledger() as ledger:
        ledger.configure(site[0], "reap_after_s: 1")

        def states() -> set[EpisodeState]:
            return {episode.state for episode in ledger.episodes(site[0])}

        with connected(service, site) as stream:
            stream.open()
            stream.chunk(1, some_codes(6), 0)
            stream.committed()
            assert states() == {EpisodeState.OPEN}
            deadline = time.monotonic() + 20
            while states() != {EpisodeState.PROVISIONAL}:
                assert time.monotonic() < deadline
                time.sleep(0.2)
            stream.chunk(2, some_codes(2), 6, last=True)
            stream.committed()
            assert {episode.reason for episode in ledger.episodes(site[0])} == {CloseReason.END_OF_STREAM}


def test_a_connection_moves_after_so_many_answers(service: Service, site: Site) -> None:
    codes, done = some_codes(FRAMES), 0
    with connected(service, site) as stream:
        stream.open()
        with pytest.raises(MovedError, match="lasted long enough"):
            for sequence in range(1, 100):
                stream.chunk(sequence, codes, sequence * FRAMES)
                done = stream.committed().sequence
    assert 3 < done < 30
    with connected(service, site) as stream:
        assert stream.open().resume_after == done
