"""Malformed and oversized messages: refused at little cost, and nobody else is harmed."""

import time

import grpc
import grpc.aio
import pytest

from protos import raypp_pb2 as pb
from raypp.serving.limits import ServiceLimits
from tests.e2e.serve.talk import FRONT, Code, Site, connected, refused
from tests.serving.bundles import some_codes
from tests.serving.running import (
    START_US,
    Camera,
    Service,
    bearer,
)

pytestmark = pytest.mark.ray


def test_garbage_harms_nobody_else(service: Service, site: Site) -> None:
    codes = some_codes(4)
    with connected(service, site, "good") as good:
        good.open()

        def broken(code: Code, word: str, *requests: pb.StreamFramesRequest) -> None:
            with connected(service, site, "bad") as stream:
                stream.open()
                for request in requests:
                    stream.send(request)
                refused(stream, code, word)

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
        with connected(service, site, "bad") as stream:
            stream.send(chunk(whole))
            refused(stream, Code.INVALID_ARGUMENT, "must be `open`")
        bytes_in = grpc.insecure_channel(f"127.0.0.1:{service.port}").stream_stream("/raypp.v1.Sites/StreamFrames")
        with pytest.raises(grpc.RpcError) as caught:
            list(bytes_in(iter([b"\xff\xfe\x00garbage" * 9]), metadata=site[1]))
        assert caught.value.code() is Code.INVALID_ARGUMENT
        with pytest.raises(grpc.RpcError) as caught:
            list(bytes_in(iter([bytes(20 << 20)]), metadata=site[1]))
        assert caught.value.code() is Code.RESOURCE_EXHAUSTED
        good.chunk(1, codes, 0)
        assert good.committed().sequence == 1


def test_messages_of_many_parts_cost_no_memory(service: Service, site: Site) -> None:
    channel = grpc.insecure_channel(f"127.0.0.1:{service.port}")
    detect = channel.unary_unary("/raypp.v1.Sites/DetectFrames")
    listing = channel.unary_unary("/raypp.v1.Sites/ListEpisodes")
    stream = channel.stream_stream("/raypp.v1.Sites/StreamFrames")
    processes = [*service.processes("ProxyActor"), *service.replicas("Gateway")]
    room = ServiceLimits(bytes_per_frame=4096).message_bytes - 64
    frames = b"\x2a\x00" * (room // 2)  # empty ones, each of which takes some 70 bytes once it is parsed
    unknown = bearer("rpp_0123456789abcdef_" + "A" * 43, **FRONT)

    def code(call: object, message: object, metadata: object) -> Code:
        with pytest.raises(grpc.RpcError) as caught:
            answer = call(message, metadata=metadata, timeout=30)
            list(answer)
        assert "\n" not in caught.value.details()
        return caught.value.code()

    assert len(processes) == 2
    service.stub().DescribeModel(pb.DescribeModelRequest(), metadata=site[1])
    before = [process.memory_info().rss for process in processes]
    for _ in range(3):
        assert code(detect, frames, ()) is Code.PERMISSION_DENIED
        assert code(detect, frames, tuple(FRONT.items())) is Code.UNAUTHENTICATED
        assert code(detect, frames, unknown) is Code.UNAUTHENTICATED
        assert code(detect, frames, site[1]) is Code.RESOURCE_EXHAUSTED
        assert code(listing, b"\x22\x00" * 30_000, site[1]) is Code.RESOURCE_EXHAUSTED
        assert code(listing, bytes(100 << 10), site[1]) is Code.RESOURCE_EXHAUSTED
        opened = Camera(site[0], "bomb").open().SerializeToString()
        assert code(stream, iter([opened, chunk_of(b"\x1a\x00" * (room // 2))]), site[1]) is Code.RESOURCE_EXHAUSTED
    grown = [process.memory_info().rss - was for process, was in zip(processes, before, strict=True)]
    assert max(grown) < 60 << 20, grown


def chunk_of(body: bytes) -> bytes:
    """A StreamFramesRequest whose chunk is these bytes, which are neither parsed nor made of messages here."""
    size, length = len(body), b""
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return b"\x12" + length + bytes([size]) + body


def test_a_refused_call_costs_a_line_of_log_and_no_more(service: Service, site: Site) -> None:
    channel = grpc.insecure_channel(f"127.0.0.1:{service.port}")
    listing = channel.unary_unary("/raypp.v1.Sites/ListEpisodes")
    unknown = bearer("rpp_fedcba9876543210_" + "A" * 43, **FRONT)
    logs = service.logs()
    service.stub().DescribeModel(pb.DescribeModelRequest(), metadata=site[1])
    before = {path: len(path.read_text()) for path in logs.glob("*.log")}
    calls = [((), b"", Code.PERMISSION_DENIED), (unknown, b"", Code.UNAUTHENTICATED)]
    calls += [(site[1], b"\xff\xfe garbage", Code.INVALID_ARGUMENT), (site[1], b"", Code.INVALID_ARGUMENT)]
    for metadata, message, code in calls * 5:
        with pytest.raises(grpc.RpcError) as caught:
            listing(message, metadata=metadata, timeout=30)
        assert caught.value.code() is code
    time.sleep(1)
    logged = {path.name: path.read_text()[before.get(path, 0) :] for path in logs.glob("*.log")}
    assert max(text.count("\n") for text in logged.values()) <= 5 * len(calls) + 5, logged
    assert not any("Traceback" in text for text in logged.values()), logged
