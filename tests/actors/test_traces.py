"""One trace of each chunk, from agent to ledger; all real, over gRPC; only Ray and the detector are left out."""

import json
from collections.abc import Iterator

import grpc
import pytest

from actors.spans import DetectionSpans
from raypp.io import tracing
from raypp.io.log_record import json_line
from raypp.serving.model import ServedModel
from raypp.veil.spec import PatchSpec
from tests.actors.test_agent_and_stream import Service, service  # noqa: F401 - a fixture
from tests.edge.conftest import Site
from tests.edge.service import TOKEN
from tests.otlp import Receiver, receiving
from tests.serving.bundles import some_block
from tests.videos import make_video


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        tracing.start("gateway")
        yield running
        tracing.stop()


def test_a_chunk_has_one_trace_from_agent_to_ledger(receiver: Receiver, site: Site, service: Service) -> None:  # noqa: F811
    video = make_video(site.folder / "video.mp4", seconds=1)
    agent = site.agent(f"127.0.0.1:{service.port}", video, "--camera", "bench-1", "--no-watch", "--insecure")
    assert agent.wait(120) == 0, site.log()
    (stream,) = service.ledger.streams("plant-1")
    sent = receiver.named("send chunk")
    committed = receiver.named("commit chunk", count=len(sent))
    written = receiver.named("write ledger", count=len(sent))
    assert [each.service for each in (sent[0], committed[0])] == ["raypp-agent", "raypp-gateway"]
    for chunk, at_gateway in zip(sent, committed, strict=True):
        assert at_gateway.span.parent_span_id == chunk.span.span_id
        assert at_gateway.span.trace_id == chunk.span.trace_id
        (commit,) = receiver.children(at_gateway, "write ledger")
        assert commit.attributes == {"db.system.name": "sqlite", "db.operation.name": "write"}
        assert at_gateway.span.start_time_unix_nano <= commit.span.start_time_unix_nano
        assert commit.span.end_time_unix_nano <= at_gateway.span.end_time_unix_nano
    name = f"plant-1/bench-1@{stream.stream.epoch}"
    named = {"raypp.site": "plant-1", "raypp.camera": "bench-1", "raypp.stream": name}
    for chunk in (*sent, *committed):
        assert chunk.attributes.items() >= {**named, "rpc.method": "raypp.v1.Sites/StreamFrames"}.items()
    assert sum(chunk.attributes["raypp.frames"] for chunk in committed) == stream.frames
    (call,) = receiver.named("raypp.v1.Sites/StreamFrames")
    assert {link.span_id for chunk in sent for link in chunk.span.links} == {call.span.span_id}
    assert not any(each.is_error for each in (*sent, *committed, *written, call))
    (query,) = receiver.named("raypp.v1.Sites/DescribeModel")
    assert query.attributes["error.type"] == "UNIMPLEMENTED"  # by this service
    assert len({each.span.trace_id for each in sent}) == len(sent)
    assert len(written) >= len(sent)
    for secret in (TOKEN.encode(), b"authorization", b"Bearer"):
        assert secret not in receiver.bytes


def test_detections_that_are_made_together_are_each_of_their_own_trace(receiver: Receiver) -> None:
    model = ServedModel("cd" * 32, "ab" * 16, PatchSpec(), 160, ("hammer",), engine="torch")
    parents = [f"00-{digit * 32}-{digit * 16}-01" for digit in "ab"]
    blocks = [some_block(3), *(some_block(2, seed) for seed in range(2))]
    for block, parent in zip(blocks[1:], parents, strict=True):
        object.__setattr__(block, "traceparent", parent)
    with DetectionSpans(blocks, model):
        pass
    spans = receiver.named("Detector/detect", count=2)
    assert {each.span.trace_id.hex() for each in spans} == {"a" * 32, "b" * 32}
    assert {(each.attributes["raypp.frames"], each.attributes["raypp.frames_together"]) for each in spans} == {(2, 7)}


def test_a_span_that_fails_names_the_errors_type_and_not_its_words(receiver: Receiver) -> None:
    with pytest.raises(ValueError), tracing.begin("fails", tracing.SpanKind.SERVER, {}):
        raise ValueError("hunter2")
    (failed,) = receiver.named("fails")
    assert (failed.is_error, failed.attributes) == (True, {"error.type": "ValueError"})
    assert b"hunter2" not in receiver.bytes


@pytest.mark.parametrize("parent", ["", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "x" * 5000, "01-a-b-c"])
def test_a_parent_that_is_none_begins_a_trace(receiver: Receiver, parent: str) -> None:
    with tracing.begin("alone", tracing.SpanKind.SERVER, {}, parent) as span:
        assert json.loads(json_line("gateway", "x"))["trace_id"] == span.traceparent[3:35]
    (alone,) = receiver.named("alone")
    assert alone.span.parent_span_id == b""
    assert json.loads(json_line("gateway", "x"))["trace_id"] is None


def test_a_chunk_that_is_not_sampled_is_not_sampled_anywhere(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracing.begin("left out", tracing.SpanKind.SERVER, {}, f"00-{'a' * 32}-{'b' * 16}-00") as span:
        assert span.traceparent.endswith("-00")
        tracing.child("left out, too", tracing.SpanKind.CLIENT, {}).end()
    tracing.begin("taken", tracing.SpanKind.SERVER, {}).end()
    receiver.named("taken")
    assert [each.name for each in receiver.spans] == ["taken"]


def test_an_agent_ends_in_time_where_no_receiver_answers(
    site: Site,
    service: Service,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    video = make_video(site.folder / "video.mp4", seconds=1)
    agent = site.agent(f"127.0.0.1:{service.port}", video, "--camera", "bench-1", "--no-watch", "--insecure")
    assert agent.wait(60) == 0, site.log()
    assert grpc.StatusCode.UNAVAILABLE.name in site.log()
