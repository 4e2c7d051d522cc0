"""Agents of a site, connections of a gateway and a ledger, all real, over gRPC; only Ray is left out."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import grpc.aio
import pytest
from sqlalchemy import func, select

from actors.services import Services
from actors.stream import StreamConnection
from protos import raypp_pb2 as pb
from raypp.edge.cameras_file import CameraSettings
from raypp.edge.uplink.retry import RetryPolicy
from raypp.errors import RayppError
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.check.ledgers import check_ledgers
from raypp.ledger.ledger_list import LedgerList
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.retention import forget
from raypp.ledger.site_move import SiteMove
from raypp.ledger.store import Ledger
from raypp.ledger.tables import OpenStreamRow
from raypp.ledger.times import parse_time
from raypp.serving.model import DetectedBlock, FrameBlock, ServedModel
from raypp.serving.status import status_of
from raypp.usage.observation import Detection
from raypp.veil.spec import PatchSpec
from tests.actors.gateway import Gateway
from tests.edge.conftest import Site
from tests.edge.service import wait_until
from tests.ledger.postgres import PostgresServer
from tests.videos import make_video

_SOON = RetryPolicy(first_s=0.05, longest_s=0.2, refused_first_s=0.1, refused_longest_s=0.5)
_HAMMER = Detection(0, 0.5, 0.25, 0.25, 0.5, 0.5)


class Service(Gateway):
    """A gateway that serves; it finds a hammer on every frame whose codes were sent."""

    def serve(self) -> None:
        self.refusals: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

        async def start() -> None:
            self._server = grpc.aio.server()
            sites = grpc.method_handlers_generic_handler("raypp.v1.Sites", self.methods())
            self._server.add_generic_rpc_handlers((sites,))
            self.port = self._server.add_insecure_port("127.0.0.1:0")
            await self._server.start()

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(30)

    def methods(self) -> dict[str, Any]:
        stream = grpc.stream_stream_rpc_method_handler(
            self.stream_frames, response_serializer=pb.StreamFramesResponse.SerializeToString
        )
        return {"StreamFrames": stream}

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.stop(None), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def detect(self, _veil_id: str, block: FrameBlock, *_: object) -> DetectedBlock:
        return DetectedBlock(self.model.model_id, tuple((_HAMMER,) for _ in range(len(block))))

    async def stream_frames(self, requests: Any, context: Any) -> AsyncIterator[pb.StreamFramesResponse]:
        connection = StreamConnection(cast("Services", self), requests, context.invocation_metadata())
        try:
            async for answer in connection.run():
                yield answer
        except RayppError as error:
            status_error = status_of(error)
            self.refusals.append(str(status_error))
            await context.abort(status_error.status, str(status_error))


@pytest.fixture
def service(site: Site) -> Iterator[Service]:
    model = ServedModel("cd" * 32, site.veil_id, PatchSpec(), 160, ("hammer", "saw"))
    with Ledger.open(f"sqlite:///{site.folder / 'ledger.db'}") as ledger:
        ledger.add_site("plant-1")
        running = Service(ledger, model=model)
        running.serve()
        yield running
        running.end()


def _camera(video: Path, **options: Any) -> dict[str, CameraSettings]:
    usual = {"fps": "every", "time_from": "2026-03-02T08:33", "watch": False}
    return {"bench-1": CameraSettings(source=(str(video),), **(usual | options))}


def _stream(site: Site, service: Service, cameras: dict[str, CameraSettings], spool: str, **options: Any) -> Any:
    site.spool = site.folder / spool
    return site.agent_here(f"127.0.0.1:{service.port}", cameras, retry=_SOON, **options)


def test_the_same_recording_from_another_spool_is_refused_by_name_until_what_is_there_is_forgotten(
    site: Site, service: Service
) -> None:
    video = make_video(site.folder / "video.mp4")
    _stream(site, service, _camera(video), "one").wait()
    uses, stretches = service.ledger.episodes("plant-1"), service.ledger.stretches("plant-1")
    assert len(uses) == 1
    refusal = _stream(site, service, _camera(video), "two").wait().cameras["bench-1"].refused
    assert "is committed already" in refusal
    assert "connected again" not in site.log()
    assert "2026-03-02T08:33:00 to 2026-03-02T08:33:04 UTC is committed already, by plant-1/bench-1@" in refusal
    assert (service.ledger.episodes("plant-1"), service.ledger.stretches("plant-1")) == (uses, stretches)
    assert [stream.frames for stream in service.ledger.streams("plant-1")] == [40]
    words = refusal.replace("`,", "").split()
    start, end = (parse_time(words[words.index(option) + 1], option) for option in ("--from", "--to"))
    forget(service.ledger, "plant-1", camera="bench-1", from_us=start, to_us=end)
    result = _stream(site, service, _camera(video), "two").wait()
    assert result.cameras["bench-1"].committed_frames == 40
    assert result.cameras["bench-1"].refused is None
    (use,) = service.ledger.episodes("plant-1")
    assert (use.start_us, use.end_us) == (uses[0].start_us, uses[0].end_us)
    assert use.stream.epoch > uses[0].stream.epoch


def test_a_try_with_another_size_is_refused_and_the_good_stream_goes_on_until_its_spool_is_empty(
    site: Site, service: Service
) -> None:
    video = make_video(site.folder / "video.mp4", seconds=6)
    good = _stream(site, service, _camera(video, realtime=True), "good", chunk_frames=2)
    wait_until(lambda: good.camera().committed_frames >= 4)
    mistyped = _stream(site, service, _camera(video), "mistyped", size=320)
    wait_until(lambda: mistyped.camera().refused is not None)
    assert "this model takes 160 pixels" in mistyped.camera().refused
    assert "give `size` 160" in mistyped.camera().refused
    mistyped.stop()
    status = good.wait().cameras["bench-1"]
    assert (status.captured, status.committed_frames, status.waiting_chunks) == (60, 60, 0)
    (stream,) = service.ledger.streams("plant-1")
    assert (stream.frames, stream.ended) == (60, True)


def test_a_site_that_is_moved_to_another_ledger_streams_on_there(site: Site, service: Service) -> None:
    """The front calls the other ledger's service some time after the move: until then the agent is refused."""
    video = make_video(site.folder / "video.mp4", seconds=6)
    agent = _stream(site, service, _camera(video, realtime=True), "spool", chunk_frames=2)
    wait_until(lambda: agent.camera().committed_frames >= 8)
    left = service.ledger
    with Ledger.open(f"sqlite:///{site.folder / 'other.db'}") as other:
        SiteMove(left, other, "plant-1").run()
        wait_until(lambda: any("has moved to ledger" in refusal for refusal in service.refusals))
        service.ledger = other
        status = agent.wait().cameras["bench-1"]
        assert (status.captured, status.committed_frames, status.waiting_chunks) == (60, 60, 0)
        (stream,) = other.streams("plant-1")
        assert (stream.frames, stream.ended) == (60, True)
        assert [frame.frame_index for frame in other.frames(stream.stream)] == list(range(60))
        assert len(other.episodes("plant-1")) == 1
        assert check_ledger(other).problems == ()
        assert left.streams("plant-1") == []


def test_a_site_is_moved_between_the_ledgers_of_one_service_and_its_agent_streams_on(
    site: Site, tmp_path: Path
) -> None:
    model = ServedModel("cd" * 32, site.veil_id, PatchSpec(), 160, ("hammer", "saw"))
    two = LedgerList({name: f"sqlite:///{tmp_path}/{name}.db" for name in ("north", "south")})
    with Ledgers.open(two) as ledgers:
        ledgers.place("plant-1", "north").add_site("plant-1")
        service = Service(ledgers, model=model)
        service.serve()
        try:
            video = make_video(site.folder / "video.mp4", seconds=6)
            agent = _stream(site, service, _camera(video, realtime=True), "spool", chunk_frames=2)
            north, south = (ledger for _, ledger in ledgers.opened())
            for source, target, least in ((north, south, 8), (south, north, 24)):
                wait_until(lambda least=least: agent.camera().committed_frames >= least)
                SiteMove(source, target, "plant-1").run()
            status = agent.wait().cameras["bench-1"]
        finally:
            service.end()
        assert (status.captured, status.committed_frames, status.waiting_chunks) == (60, 60, 0)
        assert status.refused is None
        (stream,) = north.streams("plant-1")
        assert (stream.frames, stream.ended) == (60, True)
        assert [frame.frame_index for frame in north.frames(stream.stream)] == list(range(60))
        assert len(north.episodes("plant-1")) == 1
        assert south.streams("plant-1") == []
        assert check_ledgers(ledgers).problems == ()
        with north.database.read() as connection:
            assert connection.execute(select(func.count()).select_from(OpenStreamRow)).scalar_one() == 0


def test_an_agent_whose_service_s_ledger_is_frozen_leaves_in_its_time_and_goes_on_later(site: Site) -> None:
    model = ServedModel("cd" * 32, site.veil_id, PatchSpec(), 160, ("hammer", "saw"))
    video = make_video(site.folder / "video.mp4", seconds=4)
    options = (video, "--camera", "bench-1", "--fps", "every", "--chunk-frames", 2)
    with PostgresServer(fsync="off") as server, Ledger.open(server.database()) as ledger:
        ledger.add_site("plant-1")
        service = Service(ledger, model=model)
        service.serve()
        try:
            agent = site.agent(f"127.0.0.1:{service.port}", *options, "--realtime")
            wait_until(lambda: any(stream.frames for stream in ledger.streams("plant-1")), 240)
            with server.frozen():
                time.sleep(2)  # by now chunks wait
                began = time.monotonic()
                agent.terminate()
                assert agent.wait(60) == 0
                assert time.monotonic() - began < 20  # five seconds, and what a busy machine takes to end it
                assert "wait in" in site.log().splitlines()[-1]
            assert site.agent(f"127.0.0.1:{service.port}", *options).wait(240) == 0
            (stream,) = ledger.streams("plant-1")
            assert (stream.frames, stream.ended) == (40, True)
        finally:
            service.end()
