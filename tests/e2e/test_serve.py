"""The real service: Ray Serve, gRPC, a detector of a bundle, and a ledger on disk."""

import json
import os
import re
import signal
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from protos import raypp_pb2 as pb
from protos.raypp_pb2_grpc import SitesStub
from raypp.ledger.audit import AuditLog
from raypp.ledger.identity import Identities
from raypp.serving.detector import BundleDetector
from raypp.serving.model import FrameBlock
from raypp.serving.settings import DetectionSettings
from raypp.usage.episode import CloseReason, EpisodeState, StreamName
from raypp.usage.fold import Fold
from raypp.usage.observation import Observation, SeenFrame
from raypp.usage.settings import SiteSettings
from raypp.wire.values import detections_of
from tests.serving.bundles import CLASSES, HEIGHT, SPEC, VEIL, WIDTH, some_codes, write_eager_bundle
from tests.serving.front import Authority, running_front
from tests.serving.running import (
    FRAME_US,
    START_US,
    Camera,
    Connection,
    Service,
    bearer,
    free_port,
    running_service,
)

pytestmark = pytest.mark.ray

_SECRET = "0123456789abcdef0123456789abcdef"
_FRONT = {"x-raypp-front": _SECRET}
_WINDOW, _FRAMES, _STREAMS = 3, 16, 4
_FOUND = 20
Code = grpc.StatusCode


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    place = tmp_path_factory.mktemp("service")
    (place / "front.secret").write_text(_SECRET + "\n")
    settings = {
        "limits": {
            "frames_per_chunk": _FRAMES,
            "window": _WINDOW,
            "streams_per_site": _STREAMS,
            "bytes_per_frame": 4096,
        },
        "detection": {"most": _FOUND},
        "answers_bytes": 1 << 16,
        "open_within_s": 3,
        "token_check_s": 0.2,
        "watch_every_s": 0.2,
        "reap_every_s": 0.5,
    }
    with running_service(place, settings, "--front-secret-file", place / "front.secret") as running:
        yield running


@pytest.fixture
def site(request: pytest.FixtureRequest, service: Service) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A site of the test's own, and metadata of its calls."""
    name = re.sub("[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    return name, bearer(service.site(name), **_FRONT)


Site = tuple[str, tuple[tuple[str, str], ...]]


def _connected(service: Service, site: Site, camera: str = "gate", **about: object) -> Connection:
    return Connection(Camera(site[0], camera, **about), service.stub(), site[1])


def _refused(connection: Connection, code: Code, *words: str) -> None:
    error = connection.error()
    assert error.code() is code, error
    for word in words:
        assert word in error.details(), error.details()
    assert "\n" not in error.details()


def _expected(service: Service, codes: object) -> list[SeenFrame]:
    """What the detector, on its own, finds on frames sent from number 0 on."""
    detector = BundleDetector.load(service.place / "tools.model", DetectionSettings(most=_FOUND))
    ((*frames,),) = detector.detect([FrameBlock(codes, 1, WIDTH, HEIGHT)])
    return [
        SeenFrame(index, START_US + index * FRAME_US, Observation.OBSERVED, found) for index, found in enumerate(frames)
    ]


def test_what_is_streamed_is_detected_folded_and_durable_exactly(service: Service, site: Site) -> None:
    codes = some_codes(20)
    with _connected(service, site) as stream:
        opened = stream.open()
        assert (opened.resume_after, opened.model.veil_id, opened.model.classes) == (0, VEIL, list(CLASSES))
        assert (opened.limits.window, opened.limits.frames_per_chunk) == (_WINDOW, _FRAMES)
        assert abs(opened.clock_offset_us) < 60e6
        stream.chunk(1, codes[:8], 0)
        stream.chunk(2, codes[8:16], 8)
        stream.chunk(3, codes[16:], 16, last=True)
        answers = [stream.committed() for _ in range(3)]
        assert stream.finish() == []
    assert [one.sequence for one in answers] == [1, 2, 3]
    expected = _expected(service, codes)
    told = [detections_of(frame) for one in answers for frame in one.frames]
    assert told == [frame.detections for frame in expected]
    name = StreamName(site[0], "gate", START_US)
    with service.ledger() as ledger:
        assert list(ledger.frames(name)) == expected
        episodes = ledger.episodes(site[0])
        stretches = ledger.stretches(site[0])
    fold = Fold(SiteSettings.default(), name, CLASSES)
    state, changes = fold.advance(fold.begin(), expected)
    state, more = fold.finish(state, CloseReason.END_OF_STREAM)
    final = {one.episode_id: one for one in (*changes.episodes, *more.episodes)}
    assert {one.episode_id: one for one in episodes} == final
    assert len(final) == 2
    assert {one.state for one in episodes} == {EpisodeState.FINAL}
    assert [(one.start_us, one.end_us) for one in stretches] == [(START_US, START_US + 20 * FRAME_US)]


def test_a_stream_resumes_where_it_is_committed_and_repeats_change_nothing(service: Service, site: Site) -> None:
    codes = some_codes(24)
    with _connected(service, site) as stream:
        stream.open()
        stream.chunk(1, codes[:8], 0)
        stream.committed()
    with _connected(service, site) as stream:
        assert stream.open().resume_after == 1
        stream.chunk(1, codes[:8], 0, seen=0)
        again = stream.committed()
        assert (again.sequence, list(again.frames)) == (1, [])
        stream.chunk(2, codes[8:16], 8)
        stream.chunk(2, codes[8:16], 8)
        assert [stream.committed().sequence for _ in range(2)] == [2, 2]
        stream.chunk(3, codes[16:], 16, last=True)
        stream.committed()
    with _connected(service, site) as stream:
        assert stream.open().resume_after == 3
        stream.chunk(4, None, 24)
        _refused(stream, Code.FAILED_PRECONDITION, "ended")
    with service.ledger() as ledger:
        assert list(ledger.frames(StreamName(site[0], "gate", START_US))) == _expected(service, codes)


def test_a_gap_names_the_number_that_is_next(service: Service, site: Site) -> None:
    with _connected(service, site) as stream:
        stream.open()
        stream.chunk(2, None, 0)
        _refused(stream, Code.FAILED_PRECONDITION, "the next one is 1")


@pytest.mark.parametrize(
    ("about", "code", "words"),
    [
        ({"veil_id": "cd" * 16}, Code.FAILED_PRECONDITION, ("cd" * 16, VEIL)),
        ({"veil_id": "no id"}, Code.INVALID_ARGUMENT, ("32 hex digits",)),
        ({"width": 0}, Code.INVALID_ARGUMENT, ("0x180",)),
        ({"width": 1 << 20}, Code.INVALID_ARGUMENT, ("16384",)),
        ({"sub_key": SPEC.sub_keys}, Code.FAILED_PRECONDITION, ("sub-key 3",)),
        ({"epoch": 0}, Code.INVALID_ARGUMENT, ("epoch 0",)),
        ({"camera": "../gate"}, Code.INVALID_ARGUMENT, ("letters, digits",)),
        ({"site": "another"}, Code.PERMISSION_DENIED, ("another",)),
    ],
)
def test_an_open_that_cannot_be(
    service: Service, site: Site, about: dict[str, object], code: Code, words: tuple[str, ...]
) -> None:
    camera = Camera(**{"site": site[0], "camera": "gate", **about})
    with Connection(camera, service.stub(), site[1]) as stream:
        stream.send(camera.open())
        _refused(stream, code, *words)


def test_garbage_harms_nobody_else(service: Service, site: Site) -> None:
    codes = some_codes(4)
    with _connected(service, site, "good") as good:
        good.open()

        def broken(code: Code, word: str, *requests: pb.StreamFramesRequest) -> None:
            with _connected(service, site, "bad") as stream:
                stream.open()
                for request in requests:
                    stream.send(request)
                _refused(stream, code, word)

        def chunk(*frames: pb.Frame, **more: int) -> pb.StreamFramesRequest:
            return pb.StreamFramesRequest(chunk=pb.Chunk(**{"sequence": 1, "frames": frames, **more}))

        encoder = Camera(site[0], "bad").encoder()
        whole = encoder.encode(codes[0], 0, START_US)
        change = encoder.encode(codes[1], 1, START_US)
        assert change.WhichOneof("cells") == "change"
        wrong_grid = Camera(site[0], "bad", height=320).encoder().encode(some_codes(1, height=320)[0], 0, START_US)
        wrong_sum = pb.Frame()
        wrong_sum.CopyFrom(whole)
        wrong_sum.grid_crc32 ^= 1
        large = pb.Frame(timestamp_us=START_US, observation=pb.OBSERVATION_OBSERVED, whole=bytes(5000))
        broken(Code.INVALID_ARGUMENT, "must be a `chunk`", Camera(site[0], "bad").open())
        broken(Code.INVALID_ARGUMENT, "must be a `chunk`", pb.StreamFramesRequest())
        broken(Code.INVALID_ARGUMENT, "no frame", chunk())
        broken(Code.INVALID_ARGUMENT, "sequence number 0", chunk(whole, sequence=0))
        broken(Code.INVALID_ARGUMENT, "frame 0", chunk(wrong_grid))
        broken(Code.INVALID_ARGUMENT, "checksum", chunk(wrong_sum))
        broken(Code.INVALID_ARGUMENT, "no frame came before", chunk(change))
        broken(Code.INVALID_ARGUMENT, "indices must rise", chunk(change, whole))
        broken(Code.RESOURCE_EXHAUSTED, "5000 bytes of cells", chunk(large))
        broken(Code.RESOURCE_EXHAUSTED, "17 frames, at most 16", chunk(*[whole] * 17))
        with _connected(service, site, "bad") as stream:
            stream.send(chunk(whole))
            _refused(stream, Code.INVALID_ARGUMENT, "must be `open`")
        bytes_in = grpc.insecure_channel(f"127.0.0.1:{service.port}").stream_stream("/raypp.v1.Sites/StreamFrames")
        with pytest.raises(grpc.RpcError) as caught:
            list(bytes_in(iter([b"\xff\xfe\x00garbage" * 9]), metadata=site[1]))
        assert caught.value.code() in {Code.INTERNAL, Code.INVALID_ARGUMENT, Code.CANCELLED}
        with pytest.raises(grpc.RpcError) as caught:
            list(bytes_in(iter([bytes(20 << 20)]), metadata=site[1]))
        assert caught.value.code() is Code.RESOURCE_EXHAUSTED
        good.chunk(1, codes, 0)
        assert good.committed().sequence == 1


def test_a_connection_without_an_open_is_closed(service: Service, site: Site) -> None:
    with _connected(service, site) as stream:
        _refused(stream, Code.INVALID_ARGUMENT, "no `open` came within 3 s")


def test_only_the_sites_own_token_through_the_front_streams(service: Service, site: Site) -> None:
    with service.ledger() as ledger:
        operator = Identities(ledger).add_operator("ada")
    stranger = service.site("stranger")
    good = dict(site[1])["authorization"]
    for metadata, code in (
        ((("authorization", good),), Code.PERMISSION_DENIED),
        ((("authorization", good), ("x-raypp-front", _SECRET[:-1] + "0")), Code.PERMISSION_DENIED),
        (tuple(_FRONT.items()), Code.UNAUTHENTICATED),
        (bearer("rpp_0123456789abcdef_" + "A" * 43, **_FRONT), Code.UNAUTHENTICATED),
        (bearer("x" * 4000, **_FRONT), Code.UNAUTHENTICATED),
        (bearer(stranger, **_FRONT), Code.PERMISSION_DENIED),
        (bearer(operator, **_FRONT), Code.PERMISSION_DENIED),
    ):
        with _connected(service, (site[0], metadata)) as stream:
            stream.send(stream.camera.open())
            _refused(stream, code)
    assert stranger not in service.said()
    stub = service.stub()
    for reader, allowed in ((site[1], True), (bearer(operator, **_FRONT), True), (bearer(stranger, **_FRONT), False)):
        asked = pb.ListEpisodesRequest(site=site[0])
        if allowed:
            assert list(stub.ListEpisodes(asked, metadata=reader).episodes) == []
            continue
        for call, request in (
            (stub.ListEpisodes, asked),
            (stub.GetSiteReport, pb.GetSiteReportRequest(site=site[0])),
            (lambda *asked, **about: list(stub.WatchEpisodes(*asked, **about)), pb.WatchEpisodesRequest(site=site[0])),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(request, metadata=reader)
            assert caught.value.code() is Code.PERMISSION_DENIED


def test_a_revoked_token_cuts_a_running_stream(service: Service, site: Site) -> None:
    with _connected(service, site) as stream:
        stream.open()
        stream.chunk(1, some_codes(2), 0)
        stream.committed()
        with service.ledger() as ledger:
            Identities(ledger).revoke(site[0])
        begin = time.monotonic()
        _refused(stream, Code.UNAUTHENTICATED, "revoked")
        assert time.monotonic() - begin < 10


def test_a_client_that_sends_and_never_reads_is_cut_off(service: Service, site: Site) -> None:
    with _connected(service, site) as stream:
        stream.open()
        for sequence in range(1, _WINDOW + 4):
            stream.chunk(sequence, None, sequence, seen=0)
        _refused(stream, Code.RESOURCE_EXHAUSTED, f"the window is {_WINDOW}")
    with _connected(service, site) as stream:
        committed = stream.open().resume_after
        assert committed <= _WINDOW
        stream.chunk(committed + 1, None, 20, seen=committed)
        stream.chunk(committed + 2, None, 21, seen=committed + 1)
        error = stream.error()  # by luck it may have been committed just before
        assert error.code() in {Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED, Code.CANCELLED}, error


def test_time_may_go_backwards(service: Service, site: Site) -> None:
    codes = some_codes(12)
    with _connected(service, site) as stream:
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
    with _connected(service, site) as first, _connected(service, site) as second:
        first.open()
        first.chunk(1, None, 0)
        first.committed()
        assert second.open().resume_after == 1
        second.chunk(2, None, 1)
        assert second.committed().sequence == 2
        first.chunk(2, None, 1)
        _refused(first, Code.ABORTED)
        second.chunk(3, None, 2)
        assert second.committed().sequence == 3


def test_a_higher_epoch_takes_over_for_good(service: Service, site: Site) -> None:
    with _connected(service, site) as old:
        old.open()
        old.chunk(1, some_codes(8), 0)
        assert [one.state for one in old.committed().episodes] == [pb.EPISODE_STATE_OPEN] * 2
        with _connected(service, site, epoch=START_US + 1) as new:
            assert new.open().resume_after == 0
            _refused(old, Code.ABORTED)
    with _connected(service, site) as old:
        old.send(old.camera.open())
        _refused(old, Code.FAILED_PRECONDITION, "epoch")
    with service.ledger() as ledger:
        assert {one.reason for one in ledger.episodes(site[0])} == {CloseReason.REPLACED}


def test_a_silent_streams_episodes_are_provisional_until_it_goes_on(service: Service, site: Site) -> None:
    with service.ledger() as ledger:
        ledger.configure(site[0], "reap_after_s: 1")

        def states() -> set[EpisodeState]:
            return {one.state for one in ledger.episodes(site[0])}

        with _connected(service, site) as stream:
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
            assert {one.reason for one in ledger.episodes(site[0])} == {CloseReason.END_OF_STREAM}


def test_a_site_has_so_many_streams(service: Service, site: Site) -> None:
    streams = [_connected(service, site, f"camera-{number}") for number in range(_STREAMS + 1)]
    for stream in streams:
        stream.__enter__()
    try:
        for stream in streams[:-1]:
            stream.open()
        streams[-1].send(streams[-1].camera.open())
        _refused(streams[-1], Code.RESOURCE_EXHAUSTED, f"at most {_STREAMS}")
        with _connected(service, site, "camera-0") as again:
            again.open()
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)


def test_a_connection_moves_after_so_many_answers(service: Service, site: Site) -> None:
    codes, done = some_codes(_FRAMES), 0
    with _connected(service, site) as stream:
        stream.open()
        with pytest.raises(AssertionError, match="moving"):
            for sequence in range(1, 100):
                stream.chunk(sequence, codes, sequence * _FRAMES)
                done = stream.committed().sequence
    assert 3 < done < 30
    with _connected(service, site) as stream:
        assert stream.open().resume_after == done


def test_frames_are_detected_on_without_a_trace(service: Service, site: Site) -> None:
    codes = some_codes(5)
    encoder = Camera(site[0], "gate").encoder()
    frames = [encoder.encode(code, index, START_US + index * FRAME_US) for index, code in enumerate(codes)]
    frames.insert(2, pb.Frame(frame_index=9, timestamp_us=START_US, observation=pb.OBSERVATION_COVERED))
    asked = pb.DetectFramesRequest(veil_id=VEIL, width=WIDTH, height=HEIGHT, sub_key=1, frames=frames)
    found = service.stub().DetectFrames(asked, metadata=site[1])
    expected = [frame.detections for frame in _expected(service, codes)]
    assert [detections_of(frame) for frame in found.frames] == [*expected[:2], (), *expected[2:]]
    with service.ledger() as ledger:
        assert ledger.streams(site[0]) == []
    asked.veil_id = "cd" * 16
    with pytest.raises(grpc.RpcError) as caught:
        service.stub().DetectFrames(asked, metadata=site[1])
    assert caught.value.code() is Code.FAILED_PRECONDITION


def test_episodes_come_in_pages_as_they_change_and_in_the_report(service: Service, site: Site) -> None:
    stub, name = service.stub(), site[0]
    watch = stub.WatchEpisodes(pb.WatchEpisodesRequest(site=name), metadata=site[1])
    assert list(next(watch).episodes) == []
    for camera in ("one", "two", "three"):
        with _connected(service, site, camera) as stream:
            stream.open()
            stream.chunk(1, some_codes(6), 0)
            stream.committed()
            stream.chunk(2, None, 6, last=True)
            stream.committed()
    states: dict[str, set[int]] = {}
    for answer in watch:
        for one in answer.episodes:
            states.setdefault(one.episode_id, set()).add(one.state)
        if len(states) == 6 and all(pb.EPISODE_STATE_FINAL in one for one in states.values()):
            break
    watch.cancel()
    pages, token = [], ""
    while token or not pages:
        asked = pb.ListEpisodesRequest(site=name, page_size=4, page_token=token)
        page = stub.ListEpisodes(asked, metadata=site[1])
        pages.append([one.episode_id for one in page.episodes])
        token = page.next_page_token
    assert [len(page) for page in pages] == [4, 2]
    assert {one for page in pages for one in page} == set(states)
    only = stub.ListEpisodes(pb.ListEpisodesRequest(site=name, tools=["saw"]), metadata=site[1])
    assert [one.tool for one in only.episodes] == ["saw"] * 3
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
    with service.ledger() as ledger:
        done = [(one.action, one.subject) for one in AuditLog(ledger).list(limit=10_000)]
    for action in ("watch", "episodes", "report"):
        assert (action, name) in done
    assert ("stream", f"{name}/one@{START_US}") in done


def _stream_through(service: Service, site: Site, chunks: list[object], deadline_s: float = 90) -> int:
    """Stream chunks of 4 frames, opening anew after every failure; returns how often it was opened."""
    deadline, opened = time.monotonic() + deadline_s, 0
    while time.monotonic() < deadline:
        try:
            with _connected(service, site) as stream:
                sequence = stream.open().resume_after
                opened += 1
                while sequence < len(chunks):
                    sequence += 1
                    stream.chunk(sequence, chunks[sequence - 1], 4 * (sequence - 1), last=sequence == len(chunks))
                    stream.committed()
                return opened
        except (grpc.RpcError, AssertionError, StopIteration):
            time.sleep(0.2)
    raise AssertionError(f"not done after {deadline_s} s, opened {opened} times")


@pytest.mark.parametrize("killed", ["Gateway", "Detector"])
def test_a_killed_replica_costs_no_frame(service: Service, site: Site, killed: str) -> None:
    codes = some_codes(80)
    (victim,) = service.replicas(killed)
    killer = threading.Timer(0.7, lambda: os.kill(victim.pid, signal.SIGKILL))
    killer.start()
    opened = _stream_through(service, site, [codes[begin : begin + 4] for begin in range(0, 80, 4)])
    killer.join()
    assert not victim.is_running()
    assert opened >= (2 if killed == "Gateway" else 1)
    with service.ledger() as ledger:
        assert list(ledger.frames(StreamName(site[0], "gate", START_US))) == _expected(service, codes)


def test_a_model_is_replaced_while_streams_run(service: Service, site: Site) -> None:
    bundle = service.place / "tools.model"
    kept, codes = bundle.read_bytes(), some_codes(4)
    with _connected(service, site) as stream:
        before = stream.open().model.model_id
        stream.chunk(1, codes, 0)
        stream.committed()
        bundle.write_bytes(kept[:-50])
        service.process.send_signal(signal.SIGHUP)
        _wait_for(service, "cut short")
        write_eager_bundle(bundle, seed=3, classes=("saw", "hammer"))
        service.process.send_signal(signal.SIGHUP)
        _wait_for(service, "cannot take the running model's place")
        stream.chunk(2, codes, 4)
        stream.committed()
        write_eager_bundle(bundle, seed=4, classes=(*CLASSES, "drill"))
        service.process.send_signal(signal.SIGHUP)
        _wait_for(service, "is read anew")
        stream.chunk(3, codes, 8)
        assert "model" in stream.moving()
    with _connected(service, site) as stream:
        opened = stream.open()
        assert opened.resume_after == 2
        assert opened.model.model_id != before
        assert list(opened.model.classes) == [*CLASSES, "drill"]
        stream.chunk(3, codes, 8, last=True)
        assert stream.committed().sequence == 3
    with service.ledger() as ledger:
        reasons = {one.reason for one in ledger.episodes(site[0])}
    assert CloseReason.SETTINGS in reasons


def _wait_for(service: Service, words: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while words not in service.said():
        assert time.monotonic() < deadline, service.said()
        time.sleep(0.1)


def test_pages_and_health_and_metrics_over_http(service: Service, site: Site) -> None:
    home = f"http://127.0.0.1:{service.http_port}"
    assert _get(f"{home}/-/healthz")[0] == 200
    assert _get(f"{home}/", Authorization=dict(site[1])["authorization"])[0] == 403
    assert _get(f"{home}/", **_FRONT)[0] == 401
    status, text = _get(f"{home}/api/sites", Authorization=dict(site[1])["authorization"], **_FRONT)
    assert (status, [one["name"] for one in json.loads(text)["sites"]]) == (200, [site[0]])
    deadline = time.monotonic() + 30
    wanted = ("raypp_gateway_frames", "raypp_gateway_chunks", "raypp_detector_frames", "raypp_gateway_refused")
    while time.monotonic() < deadline:
        text = _get(f"http://127.0.0.1:{service.metrics_port}/metrics")[1]
        if all(f"ray_{name}" in text for name in wanted):
            break
        time.sleep(1)
    assert [name for name in wanted if f"ray_{name}" not in text] == []


def _get(address: str, context: ssl.SSLContext | None = None, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers=headers)  # noqa: S310 - our own address
    try:
        with urllib.request.urlopen(asked, timeout=30, context=context) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_front_speaks_tls_and_adds_the_secret(service: Service, site: Site, tmp_path: Path) -> None:
    port, token = free_port(), dict(site[1])["authorization"]
    metadata = (("authorization", token), ("x-raypp-front", "a client's own"))
    places = f"127.0.0.1:{service.port}", f"127.0.0.1:{service.http_port}"
    with running_front(tmp_path / "front", *places, _SECRET, port, verify=False) as authority:
        channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(authority.pem))
        codes = some_codes(12)
        with Connection(Camera(site[0], "gate"), SitesStub(channel), metadata) as stream:
            stream.open()
            for sequence in range(1, 4):
                stream.chunk(sequence, codes[4 * sequence - 4 : 4 * sequence], 4 * sequence, last=sequence == 3)
                assert stream.committed().sequence == sequence
            assert stream.finish() == []
        with pytest.raises(grpc.RpcError) as caught:
            SitesStub(grpc.insecure_channel(f"127.0.0.1:{port}")).DescribeModel(
                pb.DescribeModelRequest(), metadata=metadata, timeout=10
            )
        assert caught.value.code() in {Code.UNAVAILABLE, Code.INTERNAL, Code.DEADLINE_EXCEEDED}
        context = ssl.create_default_context(cadata=authority.pem.decode())
        status, _ = _get(f"https://127.0.0.1:{port}/api/sites", context, Authorization=token)
        assert status == 200
        for version in (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            assert _handshake(port, authority.pem, version) == (version is not ssl.TLSVersion.TLSv1_1)
        log = (tmp_path / "front" / "access.log").read_text()
        assert token.split()[1] not in log


def test_the_front_may_ask_sites_for_certificates(service: Service, site: Site, tmp_path: Path) -> None:
    port = free_port()
    metadata = (("authorization", dict(site[1])["authorization"]),)
    places = f"127.0.0.1:{service.port}", f"127.0.0.1:{service.http_port}"
    with running_front(tmp_path / "front", *places, _SECRET, port, verify=True) as authority:

        def described(*client: bytes) -> Code:
            certificate, key = client or (None, None)
            credentials = grpc.ssl_channel_credentials(authority.pem, key, certificate)
            stub = SitesStub(grpc.secure_channel(f"127.0.0.1:{port}", credentials))
            try:
                answer = stub.DescribeModel(pb.DescribeModelRequest(), metadata=metadata, timeout=20)
            except grpc.RpcError as error:
                return error.code()
            assert answer.model.veil_id == VEIL
            return Code.OK

        assert described(*authority.issue("plant", server=False)) is Code.OK
        assert described() is not Code.OK
        assert described(*authority.issue("plant", server=False, expired=True)) is not Code.OK
        assert described(*Authority.make("another").issue("plant", server=False)) is not Code.OK


def test_the_front_says_so_in_grpc_where_the_service_is_away(tmp_path: Path) -> None:
    port, nobody = free_port(), f"127.0.0.1:{free_port()}"
    with running_front(tmp_path / "front", nobody, nobody, _SECRET, port, verify=False) as authority:
        channel = grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(authority.pem))
        with pytest.raises(grpc.RpcError) as caught:
            SitesStub(channel).DescribeModel(pb.DescribeModelRequest(), timeout=20)
        assert caught.value.code() is Code.UNAVAILABLE
        assert "try again later" in caught.value.details()


def _handshake(port: int, authority: bytes, version: ssl.TLSVersion) -> bool:
    context = ssl.create_default_context(cadata=authority.decode())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    try:
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1"),
        ):
            return True
    except ssl.SSLError:
        return False
