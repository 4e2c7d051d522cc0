"""Two owners on one service, each with a model: neither sends to, is judged by, or reads what is the other's."""

from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest

from protos import raypp_pb2 as pb
from raypp.ledger.ledgers import Ledgers
from raypp.ledger.listing import site_listing
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.usage.observation import Detection
from tests.e2e.serve.talk import FOUND, Code, get_page, refused
from tests.serving.bundles import HEIGHT, VEIL, WIDTH, some_codes, write_eager_bundle
from tests.serving.running import Camera, Connection, Service, bearer, running_service

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(900)]

_NORTH, _SOUTH = VEIL, "cd" * 16
_FRAMES = 3


@dataclass(frozen=True)
class Owners:
    """The service, and metadata of calls by a site of each owner, and by one that nobody has named."""

    service: Service
    callers: dict[str, tuple[tuple[str, str], ...]]

    def connect(self, site: str, veil_id: str, by: str | None = None, camera: str = "gate") -> Connection:
        return Connection(Camera(site, camera, veil_id=veil_id), self.service.stub(), self.callers[by or site])

    def detect(self, site: str, veil_id: str) -> pb.DetectFramesResponse:
        """Have frames judged by a call that keeps nothing."""
        connection = self.connect(site, veil_id)
        encoder = connection.camera.encoder()
        frames = [encoder.encode(code, index, 1 + index) for index, code in enumerate(some_codes(_FRAMES))]
        request = pb.DetectFramesRequest(veil_id=veil_id, width=WIDTH, height=HEIGHT, sub_key=1, frames=frames)
        return self.service.stub().DetectFrames(request, metadata=self.callers[site], timeout=120)


@pytest.fixture(scope="module")
def owners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owners]:
    place = tmp_path_factory.mktemp("service")
    write_eager_bundle(place / "tools.model")
    write_eager_bundle(place / "south.model", seed=1, veil_id=_SOUTH)
    settings = {
        "site_veils": {"north": [_NORTH], "south": [_SOUTH], "*": []},
        "detection": {"most": FOUND},
    }
    with running_service(place, settings, "--model", place / "south.model") as service:
        yield Owners(service, {name: bearer(service.site(name)) for name in ("north", "south", "new")})


def _stream(owners: Owners, site: str, veil_id: str, camera: str) -> list[tuple[Detection, ...]]:
    """Stream some frames, and return the detections of each."""
    with owners.connect(site, veil_id, camera=camera) as stream:
        stream.open()
        stream.chunk(1, some_codes(_FRAMES), 0)
        committed = stream.committed()
    return [tuple(map(_detection, frame.detections)) for frame in committed.frames]


def _detection(message: pb.Detection) -> Detection:
    return Detection(message.class_id, message.confidence, message.x1, message.y1, message.x2, message.y2)


def test_each_is_judged_by_its_own_model_alone(owners: Owners) -> None:
    detections = {}
    for site, veil_id, bundle in (("north", _NORTH, "tools.model"), ("south", _SOUTH, "south.model")):
        detector = BundleDetector.load(owners.service.place / bundle, DetectionSettings(most=FOUND))
        ((*expected,),) = detector.detect([FrameBlock(some_codes(_FRAMES), 1, WIDTH, HEIGHT)])
        detections[site] = _stream(owners, site, veil_id, "judged")
        assert detections[site] == [tuple(frame) for frame in expected]
        assert owners.detect(site, veil_id).model_id == detector.about.model_id
    assert detections["north"] != detections["south"], "the control: the models differ"


def test_frames_that_come_as_the_others_are_refused_in_one_line(owners: Owners) -> None:
    for site, other, own in (("north", _SOUTH, _NORTH), ("south", _NORTH, _SOUTH), ("new", _NORTH, "")):
        with owners.connect(site, other) as stream:
            stream.send(stream.camera.open())
            words = (f"veil {other} is not served here", *([f"veil {own} is"] if own else []))
            refused(stream, Code.FAILED_PRECONDITION, *words)
        with pytest.raises(grpc.RpcError) as caught:
            owners.detect(site, other)
        assert caught.value.code() is Code.FAILED_PRECONDITION
        describe = pb.DescribeModelRequest(veil_id=other)
        with pytest.raises(grpc.RpcError) as caught:
            owners.service.stub().DescribeModel(describe, metadata=owners.callers[site], timeout=120)
        assert caught.value.code() is Code.NOT_FOUND
    with owners.connect("south", _SOUTH, by="north") as stream:
        stream.send(stream.camera.open())
        refused(stream, Code.PERMISSION_DENIED)


def test_nothing_of_the_other_can_be_read(owners: Owners) -> None:
    _stream(owners, "south", _SOUTH, "read")
    stub = owners.service.stub()
    calls = (
        (stub.ListEpisodes, pb.ListEpisodesRequest(site="south")),
        (stub.GetSiteReport, pb.GetSiteReportRequest(site="south")),
        (lambda *given, **about: list(stub.WatchEpisodes(*given, **about)), pb.WatchEpisodesRequest(site="south")),
    )
    for call, request in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call(request, metadata=owners.callers["north"], timeout=120)
        assert caught.value.code() is Code.PERMISSION_DENIED
    status, listed = get_page(f"http://127.0.0.1:{owners.service.http_port}/api/sites", **dict(owners.callers["north"]))
    assert (status, "north" in listed, "south" in listed) == (200, True, False)
    with owners.service.ledger() as ledger:
        streams = {site.site: len(site.streams) for site in site_listing(Ledgers.around(ledger)).sites}
    assert (streams["south"] > 0, streams["new"]) == (True, 0)
