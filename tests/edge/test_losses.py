"""The comparison of what is committed with the service: no fault ends it, and no number of streams is too many."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesServicer, add_SitesServicer_to_server
from raypp.edge import loss_watch
from raypp.edge.capture.position import Position
from raypp.edge.loss_watch import LossWatch
from raypp.edge.losses import LossCheck
from raypp.edge.settings import AgentSettings
from raypp.edge.spool.camera_spool import CameraSpool
from raypp.edge.spool.committed_record import RECORD_FILE, CommittedStream
from raypp.edge.spool.drop_policy import DropPolicy
from raypp.edge.uplink import committed_query
from raypp.edge.uplink.committed_query import query_shortfalls
from raypp.edge.uplink.connection import ServiceConnection
from raypp.edge.work import StreamAtWork
from raypp.serving.guard import DoorLimits, Guard
from raypp.serving.status import StatusError
from tests.edge.test_spool import FACTS

_TOKEN = f"rpp_{'0' * 16}_{'a' * 43}"


class _Door(SitesServicer):
    """A service that has nothing, behind the limits of a door."""

    superseded = False

    def __init__(self, limits: DoorLimits) -> None:
        self.guard = Guard(limits)
        self.guard.answered(self.guard.enter(_TOKEN, "here", time.monotonic()), time.monotonic())
        self.refused = 0

    async def CheckCommitted(  # noqa: N802
        self, request: pb.CheckCommittedRequest, context: grpc.aio.ServicerContext
    ) -> pb.CheckCommittedResponse:
        try:
            self.guard.leave(self.guard.enter(_TOKEN, "here", time.monotonic()))
        except StatusError as error:
            self.refused += 1
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error))
        return pb.CheckCommittedResponse(
            shortfalls=[
                pb.Shortfall(camera=commitment.camera, stream_epoch=commitment.stream_epoch, superseded=self.superseded)
                for commitment in request.commitments
            ]
        )


@asynccontextmanager
async def _serving(door: _Door, folder: Path):
    server = grpc.aio.server()
    add_SitesServicer_to_server(door, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    token = folder / "token"
    token.write_text(_TOKEN)
    token.chmod(0o600)
    try:
        yield ServiceConnection(f"127.0.0.1:{port}", token)
    finally:
        await server.stop(None)


def _streams(count: int) -> list[CommittedStream]:
    return [CommittedStream(epoch=epoch, sequence=1, held_from=2) for epoch in range(1, count + 1)]


def _query(door: _Door, folder: Path, committed: dict[str, list[CommittedStream]]) -> Sequence[pb.Shortfall] | None:
    async def query() -> Sequence[pb.Shortfall] | None:
        async with _serving(door, folder) as connection:
            return await query_shortfalls(connection, "plant-1", committed)

    return asyncio.run(query())


def test_more_calls_than_a_site_may_make_at_once_are_paced(tmp_path: Path) -> None:
    door = _Door(DoorLimits(burst=2))
    committed = {"bench-1": _streams(1000), "bench-2": _streams(700)}
    shortfalls = _query(door, tmp_path, committed)
    assert [(each.camera, each.stream_epoch) for each in shortfalls or ()] == [
        (camera, stream.epoch) for camera, streams in committed.items() for stream in streams
    ]
    assert door.refused == 0


def test_a_service_whose_limit_is_met_is_asked_on_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committed_query, "_BUSY_S", 0.3)
    door = _Door(DoorLimits(burst=1, calls_per_minute=240))
    shortfalls = _query(door, tmp_path, {"bench-1": _streams(1000)})
    assert [each.stream_epoch for each in shortfalls or ()] == list(range(1, 1001))
    assert door.refused > 0


def test_a_fault_of_any_kind_is_logged_in_one_line_and_the_comparison_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_watch, "_AGAIN_S", 0.1)
    monkeypatch.setattr(loss_watch, "_GLANCE_S", 0.05)
    (tmp_path / "bench-1").mkdir()
    record = tmp_path / "bench-1" / RECORD_FILE
    record.write_text('{"streams": [{"epoch": -5, "sequence": 1}]}')  # no number of a stream: no message takes it
    lines: list[str] = []
    looks = 0

    def no_streams() -> list[StreamAtWork]:
        nonlocal looks
        looks += 1
        return []

    async def watched() -> None:
        connection = ServiceConnection("127.0.0.1:1", tmp_path / "token")
        settings = AgentSettings("plant-1", connection, tmp_path / "key", tmp_path)
        watch = LossWatch(settings, lines.append)
        task = asyncio.create_task(watch.run(no_streams))
        async with asyncio.timeout(10):
            while looks < 8 and not task.done():
                await asyncio.sleep(0.02)
        assert watch.compared
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(watched())
    (line,) = lines
    assert line.startswith("what is committed could not be compared with the service: ValueError: ")


@pytest.mark.parametrize("superseded", [False, True])
def test_a_stream_is_sent_again_unless_a_later_one_has_taken_over(tmp_path: Path, superseded: bool) -> None:
    with CameraSpool(tmp_path / "c", 1 << 30, DropPolicy.BLOCK) as spool:
        first = spool.begin(FACTS)
        spool.finish(Position())
        spool.commit(first, 1)
    door = _Door(DoorLimits())
    door.superseded = superseded

    async def compare(held: CameraSpool) -> LossCheck:
        async with _serving(door, tmp_path) as connection:
            check = LossCheck(connection, "s", tmp_path)
            await check.compare({"c": held})
            return check

    with CameraSpool(tmp_path / "c", 1 << 30, DropPolicy.BLOCK) as spool:
        check = asyncio.run(compare(spool))
        lost = [(chunks.epoch, chunks.first_chunk, chunks.last_chunk) for chunks in check.lost]
        assert lost == ([(FACTS.epoch, 1, 1)] if superseded else [])
        assert (spool.sending is None) == superseded
