import asyncio
import re
import threading
from types import SimpleNamespace

import pytest

from raypp.edge.capture.position import Position
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.uplink import session as of_session
from raypp.edge.uplink.client import StreamClient
from raypp.edge.uplink.connection import ServiceConnection
from raypp.edge.uplink.retry import RetryPolicy
from raypp.edge.uplink.session import SendProgress, Session
from raypp.io.clock import now_us
from raypp.usage.observation import Observation
from raypp.wire.frames import unseen_frame
from tests.edge.test_spool import FACTS


def test_a_slow_disk_holds_up_no_other_camera():
    looping = threading.get_ident()
    blocked = threading.Event()

    class SlowSpool:
        def commit(self, _stream, sequence):
            assert threading.get_ident() != looping
            assert sequence == 7
            assert blocked.wait(10), "the loop stood still"

    async def others():
        blocked.set()

    async def both():
        stream = SimpleNamespace(facts=SimpleNamespace(grid=None, site="plant-1", camera="gate", epoch=1))
        session = Session(SlowSpool(), stream, SendProgress())
        await asyncio.gather(session._commit(7), others())
        return session.committed

    assert asyncio.run(both()) == 7


@pytest.fixture
def spool(site):
    """A camera's spool with one frame, of which the service has nothing."""
    facts = FACTS.model_copy(
        update={"site": "plant-1", "camera": "bench-1", "epoch": now_us(), "veil_id": site.veil_id}
    )
    spool = CameraSpool(site.spool / "bench-1", 1 << 30, DropPolicy.BLOCK)
    spool.begin(facts)
    spool.append([unseen_frame(Observation.COVERED, 0, 1000)], Position(last_index=0, last_us=1000), lambda: False)
    yield spool
    spool.close()


def _client(site, service, spool, say=print):
    return StreamClient(spool, ServiceConnection(service.address, site.token_path), RetryPolicy(), say)


def _run_until_committed(make):
    """Run a client, made within the loop, until all that it has is committed; returns it."""

    async def until_it_is_committed():
        client = make()
        running = asyncio.create_task(client.run())
        while not client.is_up_to_date:
            await asyncio.sleep(0.01)
        running.cancel()
        return client

    return asyncio.run(asyncio.wait_for(until_it_is_committed(), 30))


@pytest.mark.parametrize("steps", range(4))
def test_a_client_that_is_cancelled_just_as_a_chunk_is_committed_ends(site, service, spool, steps):
    async def end_as_it_is_told():
        client = _client(site, service, spool)
        running = asyncio.create_task(client.run())
        loop, committed = asyncio.get_running_loop(), asyncio.Event()
        spool.listen(lambda: client.is_up_to_date and loop.call_soon_threadsafe(committed.set))
        await committed.wait()
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=5)
        return bool(done)

    assert asyncio.run(end_as_it_is_told())


@pytest.mark.parametrize("silent", [True, False])
def test_a_service_that_falls_silent_is_left_and_one_that_takes_long_is_not(monkeypatch, site, service, spool, silent):
    monkeypatch.setattr(of_session, "_LEAST_SILENCE_S", 0.3)
    monkeypatch.setattr(of_session, "COMMIT_TIMEOUT_S", 0.5)
    service.alive_every_ms = 100
    service.faults.hold, service.faults.silent = True, silent
    lines = []

    async def until_it_is_committed():
        client = _client(site, service, spool, lines.append)
        running = asyncio.create_task(client.run())
        await asyncio.sleep(1.5)
        service.faults.hold = False
        while not client.is_up_to_date:
            await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(asyncio.wait_for(until_it_is_committed(), 20))
    assert (service.connections > 1) is silent
    assert any(re.search(r"silent for 0\.[34] s; 1 frames wait in the spool", line) for line in lines) is silent
    assert len(service.of("bench-1")[0].frames) == 1


@pytest.mark.parametrize(("alive_every_s", "least_s"), [(1, 5), (5, 15), (0.001, 5)])
def test_agents_leave_a_silent_service_each_at_its_own_time_and_none_within_five_seconds(alive_every_s, least_s):
    limits = {of_session._silence_s(alive_every_s) for _ in range(20)}
    assert least_s <= min(limits) < max(limits) <= 1.2 * least_s
    assert len(limits) > 10


@pytest.mark.parametrize(("alive_every_ms", "left"), [(100, True), (0, False)])
def test_a_service_that_is_at_work_for_too_long_is_left_at_last(
    monkeypatch, site, service, spool, alive_every_ms, left
):
    monkeypatch.setattr(of_session, "_ALIVE_TIMEOUT_S", 0.5)
    service.alive_every_ms = alive_every_ms
    service.faults.hold = True
    lines = []

    async def for_a_while():
        client = _client(site, service, spool, lines.append)
        running = asyncio.create_task(client.run())
        await asyncio.sleep(1.5)
        running.cancel()

    asyncio.run(asyncio.wait_for(for_a_while(), 20))
    service.faults.hold = False
    assert (service.connections > 1) is left
    assert any("chunk 1 has not been committed for 0 s" in line for line in lines) is left


@pytest.mark.parametrize("alive_every_ms", [100, 0])
def test_a_chunk_that_takes_longer_than_is_waited_for_is_committed_at_last(
    monkeypatch, site, service, spool, alive_every_ms
):
    for name in ("_ALIVE_TIMEOUT_S", "COMMIT_TIMEOUT_S"):
        monkeypatch.setattr(of_session, name, 0.3)
    service.alive_every_ms, service.faults.slow_s = alive_every_ms, 0.8
    lines = []

    client = _run_until_committed(lambda: _client(site, service, spool, lines.append))
    assert service.connections > 1
    assert client._patience == 1, "the next chunk is waited for as the first"
    assert len(service.of("bench-1")[0].frames) == 1


def test_a_chunk_that_the_service_would_not_take_off_the_network_is_told_of_and_not_sent(site, service):
    service.limits.message_bytes = 100
    facts = FACTS.model_copy(
        update={"site": "plant-1", "camera": "bench-1", "epoch": now_us(), "veil_id": site.veil_id}
    )
    spool = CameraSpool(site.spool / "bench-1", 1 << 30, DropPolicy.BLOCK)
    spool.begin(facts)
    frames = [unseen_frame(Observation.COVERED, index, 1000 + index) for index in range(16)]
    spool.append(frames, Position(last_index=15, last_us=1015), lambda: False)
    lines = []

    async def until_it_says_why():
        client = _client(site, service, spool, lines.append)
        running = asyncio.create_task(client.run())
        while not lines:
            await asyncio.sleep(0.01)
        running.cancel()
        return client.refused

    refused = asyncio.run(asyncio.wait_for(until_it_says_why(), 20))
    assert "the service takes messages of 100" in refused
    assert "`chunk_frames`" in refused
    assert service.of("bench-1")[0].committed == 0


@pytest.mark.parametrize("older", [True, False])
@pytest.mark.parametrize(
    ("ahead_s", "late_s", "says"),
    [(0, 3, None), (7, 3, "behind"), (-7, 3, "ahead of"), (1.5, 0, None), (2.5, 0, "behind"), (-2.5, 0, "ahead of")],
)
def test_a_service_that_is_late_is_told_from_a_clock_that_is_wrong(site, service, spool, older, ahead_s, late_s, says):
    service.faults.older, service.faults.late_s = older, late_s
    service.clock_ahead_us = round(ahead_s * 1e6)
    lines = []

    best = _run_until_committed(lambda: _client(site, service, spool, lines.append)).progress.clock.best
    warnings = [line for line in lines if "the site's clock is" in line]
    assert len(warnings) == (says is not None)
    assert says is None or f"s {says} the service's" in warnings[0]
    assert abs(best.offset_us - service.clock_ahead_us) <= best.error_us
    if not older:  # the chunk was not late
        assert best.error_us < 1_000_000
