"""A ledger that was restored to an earlier moment: what it lacks is sent again, or the site and the service say so."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from typer.testing import CliRunner

from protos import raypp_pb2 as pb
from raypp.cli.app import build
from raypp.edge.cameras_file import CameraSettings
from raypp.edge.spool.committed_record import RECORD_FILE
from raypp.edge.status import SiteStatus
from raypp.ledger.audit_log import AuditLog
from raypp.ledger.backup import back_up
from raypp.ledger.shortfalls import LOST
from raypp.ledger.store import Ledger
from raypp.serving.commitments import CommitmentCheck
from raypp.serving.model import ServedModel
from raypp.veil.spec import PatchSpec
from tests.actors.test_agent_and_stream import Service
from tests.edge.conftest import Site
from tests.videos import make_video

_FRAMES = 40


class RestoredService(Service):
    """A service that answers what it has, and whose ledger may be put back."""

    lost = 0

    def methods(self) -> dict[str, Any]:
        check = grpc.unary_unary_rpc_method_handler(
            self.check_committed,
            request_deserializer=pb.CheckCommittedRequest.FromString,
            response_serializer=pb.CheckCommittedResponse.SerializeToString,
        )
        return super().methods() | {"CheckCommitted": check}

    async def check_committed(self, request: pb.CheckCommittedRequest, _context: object) -> pb.CheckCommittedResponse:
        answer, lost = await self.lanes.home.wait_for(CommitmentCheck(self.ledger).answer, request, "site plant-1")
        self.lost += lost
        return answer

    def restore(self, copy: Path) -> None:
        """Stop, put a copy in the ledger's place, and serve again."""
        self.end()
        self.ledger.close()
        place = Path(str(self.ledger.database.engine.url.database))
        for file in place.parent.glob(place.name + "*"):
            file.unlink()
        shutil.copy(copy, place)
        self.ledger = Ledger.open(f"sqlite:///{place}")
        self.__post_init__()
        self.serve()


@pytest.fixture
def service(site: Site) -> Iterator[RestoredService]:
    model = ServedModel("cd" * 32, site.veil_id, PatchSpec(), 160, ("hammer", "saw"))
    ledger = Ledger.open(f"sqlite:///{site.folder / 'ledger.db'}")
    ledger.add_site("plant-1")
    running = RestoredService(ledger, model=model)
    running.serve()
    yield running
    running.end()
    running.ledger.close()


def _stream(site: Site, service: Service, name: str, start: str) -> SiteStatus:
    video = site.folder / f"{name}.mp4"
    if not video.exists():
        make_video(video)
    camera = CameraSettings(source=(str(video),), fps="every", time_from=start)
    return site.agent_here(f"127.0.0.1:{service.port}", {"bench-1": camera}).wait()


def _frames(service: Service) -> list[int]:
    """Times of all frames of the camera that the ledger has, in order."""
    ledger = service.ledger
    return sorted(frame.timestamp_us for stream in ledger.streams("plant-1") for frame in ledger.frames(stream.stream))


def _backup(service: Service, site: Site) -> Path:
    copy = site.folder / "copy.db"
    back_up(service.ledger, copy)
    return copy


def test_a_recording_that_ended_since_is_sent_again_from_the_spool(site: Site, service: RestoredService) -> None:
    copy = _backup(service, site)
    _stream(site, service, "first", "2026-03-02T06:00")
    before = _frames(service)
    assert len(before) == _FRAMES
    service.restore(copy)
    assert _frames(service) == []
    status = _stream(site, service, "first", "2026-03-02T06:00")
    assert _frames(service) == before
    assert not status.lost
    assert "chunks 1 to 6 of stream" in site.log()
    assert "they are sent again" in site.log()
    assert _lost(service) == []
    connections = site.log().count("they are sent again")
    _stream(site, service, "first", "2026-03-02T06:00")
    assert site.log().count("they are sent again") == connections, "nothing is sent twice"


def test_what_nobody_has_any_more_is_told_at_the_site_and_in_the_service(site: Site, service: RestoredService) -> None:
    copy = _backup(service, site)
    _stream(site, service, "first", "2026-03-02T06:00")
    _stream(site, service, "second", "2026-03-02T07:00")  # the spool has the first one's chunks no more
    service.restore(copy)
    status = _stream(site, service, "second", "2026-03-02T07:00")
    (chunks,) = status.lost
    assert (chunks.camera, chunks.first_chunk, chunks.last_chunk, chunks.live) == ("bench-1", 1, 6, False)
    assert (chunks.to_us - chunks.from_us) == (_FRAMES - 1) * 100_000
    assert "LOST at the service: chunks 1 to 6" in site.log()
    assert f"move {site.spool / 'bench-1'} away" in site.log()
    assert SiteStatus.model_validate_json((site.spool / "status.json").read_bytes()).lost == status.lost
    assert len(_frames(service)) == _FRAMES, "the second recording is sent again meanwhile"
    (detail,) = _lost(service)
    assert detail.startswith(f"stream bench-1@{chunks.epoch}, chunks 1 to 6, 2026-03-02T06:00:00+00:00 to ")
    _stream(site, service, "second", "2026-03-02T07:00")
    assert len(_lost(service)) == 1
    assert service.lost == 1, "it is counted once"

    # the command ends with 3, the doctor finds it, and the report names it until it is streamed again
    options = site.options(f"127.0.0.1:{service.port}", site.folder / "second.mp4", "--camera", "bench-1")
    assert site.agent(f"127.0.0.1:{service.port}", *options[-3:], "--time-from", "2026-03-02T07:00").wait(90) == 3
    report = _report(service, site)
    assert [part["first_chunk"] for part in report["lost"]] == [1]
    shutil.move(site.spool / "bench-1", site.folder / "away")
    _stream(site, service, "first", "2026-03-02T06:00")
    assert "lost" not in _report(service, site) or _report(service, site)["lost"] == []
    assert len(_frames(service)) == 2 * _FRAMES


def test_a_live_streams_end_before_a_later_one_is_told(site: Site, service: RestoredService) -> None:
    """The third row: a later stream goes on, and the earlier one's end is gone."""
    copy = _backup(service, site)
    _stream(site, service, "first", "2026-03-02T06:00")
    _stream(site, service, "second", "2026-03-02T07:00")
    record = json.loads((site.spool / "bench-1" / RECORD_FILE).read_text())
    assert [stream["sequence"] for stream in record["streams"]] == [6, 6]
    service.restore(copy)
    make_video(site.folder / "third.mp4")
    status = _stream(site, service, "third", "2026-03-02T08:00")
    assert [chunks.first_chunk for chunks in status.lost] == [1], "the second is sent again before the third begins"
    assert len(_frames(service)) == 2 * _FRAMES


def _lost(service: Service) -> list[str]:
    return [entry.detail for entry in AuditLog(service.ledger).list(limit=1000) if entry.action == LOST]


def _report(service: Service, site: Site) -> dict[str, Any]:
    out = site.folder / "report.json"
    url = str(service.ledger.database.engine.url)
    result = CliRunner(env={"COLUMNS": "300"}).invoke(
        build(),
        ["report", "plant-1", "--ledger", url, "--from", "2026-03-02", "--to", "2026-03-02", "--json", str(out)],
    )
    content = json.loads(out.read_text())
    assert (result.exit_code == 3) == bool(content["lost"])
    assert ("LOST, bench-1: chunks 1 to 6" in result.output) == bool(content["lost"])
    return dict(content)
