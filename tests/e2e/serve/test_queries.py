"""What the real service answers besides streams: detections, episodes, reports, pages, metrics."""

import json
import re
import stat
import time
import urllib.request
from pathlib import Path

import grpc
import psutil
import pytest

from protos import raypp_pb2 as pb
from raypp.ledger.audit_log import AuditLog
from raypp.wire.frames import LATEST_US
from raypp.wire.values import detections_of
from tests.e2e.serve.talk import (
    FRONT,
    Code,
    Site,
    connected,
    detected_alone,
    get_metrics,
    get_page,
)
from tests.serving.bundles import CLASSES, HEIGHT, VEIL, WIDTH, some_codes
from tests.serving.running import (
    FRAME_US,
    START_US,
    Camera,
    Service,
)

pytestmark = pytest.mark.ray


def test_frames_are_detected_on_without_a_trace(service: Service, site: Site) -> None:
    codes = some_codes(5)
    encoder = Camera(site[0], "gate").encoder()
    frames = [encoder.encode(code, index, START_US + index * FRAME_US) for index, code in enumerate(codes)]
    frames.insert(2, pb.Frame(frame_index=9, timestamp_us=START_US, observation=pb.OBSERVATION_COVERED))
    request = pb.DetectFramesRequest(veil_id=VEIL, width=WIDTH, height=HEIGHT, sub_key=1, frames=frames)
    answer = service.stub().DetectFrames(request, metadata=site[1])
    expected = [frame.detections for frame in detected_alone(service, codes)]
    assert [detections_of(frame) for frame in answer.frames] == [*expected[:2], (), *expected[2:]]
    with service.ledger() as ledger:
        assert ledger.streams(site[0]) == []
    request.veil_id = "cd" * 16
    with pytest.raises(grpc.RpcError) as caught:
        service.stub().DetectFrames(request, metadata=site[1])
    assert caught.value.code() is Code.FAILED_PRECONDITION


def test_what_a_site_was_told_is_committed_is_compared_with_the_ledger(service: Service, site: Site) -> None:
    with connected(service, site, "one") as stream:
        stream.open()
        stream.chunk(1, some_codes(2), 0)
        stream.committed()

    def commitment(camera: str, sequence: int, held_from: int) -> pb.Commitment:
        times = {"first_us": START_US, "last_us": START_US + 9 * FRAME_US}
        return pb.Commitment(camera=camera, stream_epoch=START_US, sequence=sequence, held_from=held_from, **times)

    commitments = [commitment("one", 1, 2), commitment("one", 5, 2), commitment("one", 5, 4), commitment("two", 3, 0)]
    request = pb.CheckCommittedRequest(site=site[0], commitments=commitments)
    for _ in range(2):
        answer = service.stub().CheckCommitted(request, metadata=site[1])
        behind = [(item.camera, item.committed, item.newest_us) for item in answer.shortfalls]
        newest_us = START_US + FRAME_US
        assert behind == [("one", 1, newest_us), ("one", 1, newest_us), ("two", 0, 0)]
    with service.ledger() as ledger:
        entries = [entry for entry in AuditLog(ledger).list(limit=10_000) if entry.subject == site[0]]
    losses = [entry for entry in entries if entry.action == "lost"]
    assert [(entry.who.partition(" (token")[0], entry.detail.split(",")[:2]) for entry in losses] == [
        (f"site {site[0]}", [f"stream one@{START_US}", " chunks 2 to 3"]),
        (f"site {site[0]}", [f"stream two@{START_US}", " chunks 1 to 3"]),
    ]
    for wrong, code in (
        (pb.CheckCommittedRequest(site="other", commitments=commitments), Code.PERMISSION_DENIED),
        (pb.CheckCommittedRequest(site=site[0], commitments=[pb.Commitment(camera="one")]), Code.INVALID_ARGUMENT),
        (pb.CheckCommittedRequest(site=site[0], commitments=[commitments[0]] * 201), Code.INVALID_ARGUMENT),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            service.stub().CheckCommitted(wrong, metadata=site[1])
        assert caught.value.code() is code


def test_episodes_come_in_pages_as_they_change_and_in_the_report(service: Service, site: Site) -> None:
    stub, name = service.stub(), site[0]
    watch = stub.WatchEpisodes(pb.WatchEpisodesRequest(site=name), metadata=site[1])
    assert list(next(watch).episodes) == []
    for camera in ("one", "two", "three"):
        with connected(service, site, camera) as stream:
            stream.open()
            stream.chunk(1, some_codes(6), 0)
            stream.committed()
            stream.chunk(2, None, 6, last=True)
            stream.committed()
    states: dict[str, set[int]] = {}
    for answer in watch:
        for episode in answer.episodes:
            states.setdefault(episode.episode_id, set()).add(episode.state)
        if len(states) == 6 and all(
            pb.EPISODE_STATE_FINAL in states_of_episode for states_of_episode in states.values()
        ):
            break
    watch.cancel()
    pages, token = [], ""
    while token or not pages:
        request = pb.ListEpisodesRequest(site=name, page_size=4, page_token=token)
        page = stub.ListEpisodes(request, metadata=site[1])
        pages.append([episode.episode_id for episode in page.episodes])
        token = page.next_page_token
    assert [len(page) for page in pages] == [4, 2]
    assert {episode_id for page in pages for episode_id in page} == set(states)
    only = stub.ListEpisodes(pb.ListEpisodesRequest(site=name, tools=["saw"]), metadata=site[1])
    assert [episode.tool for episode in only.episodes] == ["saw"] * 3
    for wrong in (
        pb.ListEpisodesRequest(site=name, page_token="nonsense"),
        pb.ListEpisodesRequest(site=name, page_size=1001),
        pb.ListEpisodesRequest(site=name, from_us=5, to_us=4),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            stub.ListEpisodes(wrong, metadata=site[1])
        assert caught.value.code() is Code.INVALID_ARGUMENT
    report = json.loads(stub.GetSiteReport(pb.GetSiteReportRequest(site=name), metadata=site[1]).report_json)
    assert report["site"] == name
    assert {lane["tool"] for lane in report["lanes"]} == set(CLASSES)
    century = pb.GetSiteReportRequest(site=name, from_us=1, to_us=LATEST_US)
    bounded = json.loads(stub.GetSiteReport(century, metadata=site[1]).report_json)
    assert (bounded["from_us"], bounded["to_us"]) == (report["from_us"], report["to_us"])
    with service.ledger() as ledger:
        done = [(entry.action, entry.subject) for entry in AuditLog(ledger).list(limit=10_000)]
    for action in ("watch", "episodes", "report"):
        assert (action, name) in done
    assert ("stream", f"{name}/one@{START_US}") in done


def test_pages_and_health_and_metrics_over_http(service: Service, site: Site) -> None:
    home = f"http://127.0.0.1:{service.http_port}"
    assert get_page(f"{home}/-/healthz")[0] == 200
    assert get_page(f"{home}/ready") == (200, "ready\n")
    assert get_page(f"{home}/", Authorization=dict(site[1])["authorization"])[0] == 403
    assert get_page(f"{home}/", **FRONT)[0] == 401
    nobody = f"Bearer rpp_0123456789abcdef_{'A' * 43}"
    assert [get_page(f"{home}{path}", Authorization=nobody, **FRONT)[0] for path in ("/favicon.svg", "/")] == [200, 401]
    status, text = get_page(f"{home}/api/sites", Authorization=dict(site[1])["authorization"], **FRONT)
    assert (status, [listed["name"] for listed in json.loads(text)["sites"]]) == (200, [site[0]])
    page = f"{home}/sites/{site[0]}"
    assert "No frames yet" in get_page(page, Authorization=dict(site[1])["authorization"], **FRONT)[1]
    headers = {"Authorization": dict(site[1])["authorization"], **FRONT}
    assert "No zones are set" in get_page(f"{page}/safety?from=2026-03-02", **headers)[1]
    assert "No procedures are set" in get_page(f"{page}/executions", **headers)[1]  # by a process of its own
    with urllib.request.urlopen(urllib.request.Request(page, headers=headers), timeout=120) as answer:  # noqa: S310
        tag = answer.headers["ETag"]
    assert get_page(page, **headers, **{"If-None-Match": tag}) == (304, "")
    with pytest.raises(grpc.RpcError):
        service.stub().GetSiteReport(pb.GetSiteReportRequest(site="nowhere"), metadata=site[1])
    with connected(service, site) as stream:  # a counter is exported once it has counted
        stream.open()
        stream.chunk(1, some_codes(2), 0)
        stream.committed()
    deadline = time.monotonic() + 120
    wanted = ("raypp_gateway_frames", "raypp_gateway_chunks", "raypp_detector_frames", "raypp_gateway_refused")
    while time.monotonic() < deadline:
        text = get_metrics(service)[1]
        if all(f"ray_{name}" in text for name in wanted):
            break
        time.sleep(1)
    assert [name for name in wanted if f"ray_{name}" not in text] == []


def test_all_of_a_local_service_listens_on_loopback_and_keeps_its_files_to_itself(service: Service) -> None:
    started = psutil.Process(service.process.pid)
    listening = [
        connection.laddr.ip
        for process in (started, *started.children(recursive=True))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 5
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}
    (logs,) = re.findall(r"^logs +(.+)$", service.log_text(), re.MULTILINE)
    folder = Path(logs)
    while not folder.name.startswith("raypp-"):
        folder = folder.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "any user name; the password is a token" in service.log_text()
    assert "Ctrl-C" in service.log_text()
