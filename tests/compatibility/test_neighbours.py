"""Agents and services of this version and the one before, with each other, while the service is exchanged."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.ledger.check.ledger import check_ledger
from raypp.ledger.store import Ledger
from tests.compatibility.previous import LEDGER, WIRE, previous_tree
from tests.compatibility.two_versions import FPS, SITE, WITHIN_S, TwoVersions, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(1500)]

_OLD, _NEW, _TURNS = "bench-1", "bench-2", "bench-3"
"""Cameras: of an agent of the version before, of this one's, and of both in turn."""
_SECONDS = 40


@pytest.fixture(params=[WIRE, LEDGER], ids=["wire", "ledger"])
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TwoVersions]:
    """Two versions: of before the last change of the wire, or of the ledger's schema."""
    before = previous_tree(tmp_path / "before", request.param)
    running = TwoVersions(tmp_path, before, [_OLD, _NEW, _TURNS], _SECONDS)
    yield running
    running.close()


def test_versions_that_are_neighbours_work_together_and_lose_nothing(plant: TwoVersions) -> None:
    plant.prepare_ledger()
    place = plant.place("service", plant.bundle("tools.model"))
    with plant.service("before", place):
        agents = {
            camera: plant.agent(version, camera, place.address)
            for camera, version in ((_OLD, "before"), (_NEW, "now"), (_TURNS, "before"))
        }
        with pytest.raises(grpc.RpcError) as caught:
            SitesStub(grpc.insecure_channel(place.address)).CheckCommitted(pb.CheckCommittedRequest())
        known = "rpc CheckCommitted" in (plant.trees["before"] / "protos/raypp.proto").read_text()
        assert (caught.value.code() is not grpc.StatusCode.UNIMPLEMENTED) == known, "another version answers"
        wait_until(lambda: all(plant.committed(camera) >= 20 for camera in agents))
    with plant.service("now", place):  # with all three streams open in its ledger
        for version in ("now", "before"):
            had = plant.committed(_TURNS)
            wait_until(lambda had=had: plant.committed(_TURNS) > had + 8)
            agents[_TURNS].kill()
            agents[_TURNS].wait()
            agents[_TURNS] = plant.agent(version, _TURNS, place.address)
        for camera, agent in agents.items():
            assert agent.wait(WITHIN_S) == 0, plant.log(camera)
    for camera in agents:
        assert "refused: " not in plant.log(camera)
        assert "LOST" not in plant.log(camera)
    with Ledger.open(plant.url, create=False) as ledger:
        streams = ledger.streams(SITE)
        assert [stream.stream.camera for stream in streams] == [_OLD, _NEW, _TURNS]
        for stream in streams:
            indices = [frame.frame_index for frame in ledger.frames(stream.stream)]
            assert indices == list(range(_SECONDS * FPS)), stream
        assert check_ledger(ledger).problems == ()
    # what the agent of the version before left in its spool is read, and all of it is at the service
    again = plant.agent("now", _OLD, place.address)
    with plant.service("now", place):
        assert again.wait(WITHIN_S) == 0, plant.log(_OLD)
    assert "all of it was sent before" in plant.log(_OLD)
